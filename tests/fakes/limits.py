"""Limits that remember what they were told, and say no when they are told to."""

from dataclasses import dataclass, field


@dataclass
class FakeLimits:
    killed: str | None = None
    held: tuple = ()
    heads: list = field(default_factory=list)
    refused: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    orphans: list = field(default_factory=list)

    def on_head(self, head):
        self.heads.append((head.number, len(self.outcomes)))

    def refuses(self, subject, cost_wei, head):
        self.asked.append((subject, cost_wei, head.number))
        return self.refused.get(subject)

    def note_sent(self, tx):
        self.sent.append(tx)

    def note_outcome(self, subject, outcome):
        self.outcomes.append((subject, outcome))

    def note_orphan(self, tx_hash):
        self.orphans.append(tx_hash)


@dataclass
class FakeVigil:
    answer: tuple = ()

    heads: list = field(default_factory=list)

    async def doubts(self, head):
        self.heads.append(head.number)
        return self.answer
