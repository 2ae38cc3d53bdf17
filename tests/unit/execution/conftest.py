import pytest

from tests.fakes.desk import Office


@pytest.fixture
async def office(tmp_path):
    """A live desk, armed."""
    office = Office(tmp_path)
    await office.desk.arm()
    yield office
    office.close()


@pytest.fixture
def dry(tmp_path):
    office = Office(tmp_path, live=False)
    yield office
    office.close()
