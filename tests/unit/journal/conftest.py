import pytest

from keeper.journal.store import Journal
from tests.fakes.desk import RUN


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
        yield journal


@pytest.fixture
def connection(journal):
    """The writer's own connection, for looking and for doing what must be refused."""
    return journal._database._connection
