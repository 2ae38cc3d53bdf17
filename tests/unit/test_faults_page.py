"""The page of faults names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"


def test_every_test_the_page_of_faults_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    files = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = {name for text in files for name in re.findall(r"def (test_\w+)", text)}
    assert len(named) > 40
    assert named - there == set()
