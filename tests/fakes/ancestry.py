"""Headers straight from a fake node's blocks, without any transport."""


class InMemory:
    def __init__(self, node):
        self._node = node

    async def header(self, block):
        if isinstance(block, int):
            return self._node.blocks[block].head if block < len(self._node.blocks) else None

        found = self._node._by_hash("0x" + block.hex())
        return None if found is None else found.head

    async def ancestors(self, head, count):
        found = []
        while len(found) < count and (parent := await self.header((found or [head])[-1].parent_hash)) is not None:
            found.append(parent)

        return found
