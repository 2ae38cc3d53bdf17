"""What a configuration says of the sandbox's own market, for tests that play no scene."""

from keeper.sandbox.stage.operator import Table
from keeper.types import to_checksum


def aave_v3_table(world):
    provider = to_checksum(world.aave36.addresses_provider)
    return Table("aave_v3", {"adapter": "aave_v3", "addresses_provider": provider}, {})
