"""The line index knows where every key of a TOML text stands."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from keeper.config.lines import index_lines

TEXT = '''\
# a comment with = and [brackets]
a = 1
"b.c" . d = "x#]"
arr = [
  1, # one ]
  "two",
  { k = 1, j = [1,
   2] },
]
m = """
[not_a_table]
k = 1 \\""" """
after = 3
[chain]
  rpc = ["http://x", 'y']
[[s]]
name = "x"
bid = {kind = "fixed", t.u = 2}
[s.sub]
q = 1
[[s]]
name = "y"
[[s.deep]]
z = 1979-05-27 07:32:00
'''


def test_index_of_every_form_names_its_line():
    lines = index_lines(TEXT)
    expected = {
        ("a",): 2,
        ("b.c",): 3,
        ("b.c", "d"): 3,
        ("arr",): 4,
        ("arr", 0): 5,
        ("arr", 1): 6,
        ("arr", 2): 7,
        ("arr", 2, "k"): 7,
        ("arr", 2, "j"): 7,
        ("arr", 2, "j", 0): 7,
        ("arr", 2, "j", 1): 8,
        ("m",): 10,
        ("after",): 13,
        ("chain",): 14,
        ("chain", "rpc"): 15,
        ("chain", "rpc", 0): 15,
        ("chain", "rpc", 1): 15,
        ("s",): 16,
        ("s", 0): 16,
        ("s", 0, "name"): 17,
        ("s", 0, "bid"): 18,
        ("s", 0, "bid", "kind"): 18,
        ("s", 0, "bid", "t"): 18,
        ("s", 0, "bid", "t", "u"): 18,
        ("s", 0, "sub"): 19,
        ("s", 0, "sub", "q"): 20,
        ("s", 1): 21,
        ("s", 1, "name"): 22,
        ("s", 1, "deep"): 23,
        ("s", 1, "deep", 0): 23,
        ("s", 1, "deep", 0, "z"): 24,
    }
    assert lines == expected


def _paths(value, path=()):
    """Every path of a parsed document."""
    if path:
        yield path

    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


scalars = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.sampled_from(
        ['"plain"', "'lit#eral]'", '"esc\\"aped"', '"""a\n"b""c\n"""', "'''\nx = 1\n'''", '""""quoted""""']
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + " ,\n # c ]\n ".join(items) + "\n]"),
        # A multi-line string is the only line break an inline table may hold.
        st.lists(scalars, max_size=3).map(
            lambda items: "{" + ", ".join(f"k{i} = {item}" for i, item in enumerate(items)) + "}"
        ),
    ),
    max_leaves=6,
)
documents = st.lists(st.tuples(st.sampled_from(["[t{}]", "[[l]]", "[t{}.u]", "# [c]"]), st.lists(values, max_size=3)))


@given(documents)
def test_index_of_any_document_has_exactly_the_paths_that_tomllib_reads(tables):
    text = ""
    for number, (header, items) in enumerate(tables):
        text += f"{header.format(number)}\n" + "".join(f"v{number}_{i} = {item}\n" for i, item in enumerate(items))

    lines = index_lines(text)
    assert set(lines) == set(_paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") for line in lines.values())


@given(st.text(max_size=200))
def test_index_of_anything_ends(text):
    """It is only asked about valid texts; a defect elsewhere must still not make it hang."""
    index_lines(text)
