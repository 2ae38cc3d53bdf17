"""What the doctor says of endpoints before any of them is asked."""

import pytest

from keeper.app.doctor.nodes import warn_of_one_provider
from keeper.config.urls import parse_rpc_url


@pytest.mark.parametrize(
    ("urls", "warning"),
    [
        (["https://a.example/KEY1"], "only one endpoint"),
        (["https://a.example/KEY1", "wss://a.example/ws/KEY2"], "all 2 endpoints are at one place, a.example:443"),
        (["https://a.example/KEY1", "https://b.example/KEY2"], None),
        (["http://127.0.0.1:8545", "http://127.0.0.1:8546"], None),
        (["http://127.0.0.1:8545", "ipc:///srv/node.ipc"], None),
    ],
)
def test_doctor_warns_where_everything_hangs_on_one_provider(urls, warning):
    found = warn_of_one_provider([parse_rpc_url(url) for url in urls])

    assert (found is None) == (warning is None)
    assert warning is None or warning in str(found)
    assert "KEY" not in str(found)
