"""Paths into messages: what each sign means, and what is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.paths import Index, Name, Path, Root, Step, Where, parse_path


@pytest.mark.parametrize(
    ("text", "root", "steps"),
    [
        ("a", Root.MESSAGE, (Name("a"),)),
        ("a.b.c", Root.MESSAGE, (Name("a"), Name("b"), Name("c"))),
        ('"pm2.5".x', Root.MESSAGE, (Name("pm2.5"), Name("x"))),
        ("'switch:0'.apower", Root.MESSAGE, (Name("switch:0"), Name("apower"))),
        ("switch:0.apower", Root.MESSAGE, (Name("switch:0"), Name("apower"))),
        ("""a.'"b"'""", Root.MESSAGE, (Name("a"), Name('"b"'))),
        ("[0]", Root.MESSAGE, (Index(0),)),
        ("a[-1].b", Root.MESSAGE, (Name("a"), Index(-1), Name("b"))),
        ("a[0][1]", Root.MESSAGE, (Name("a"), Index(0), Index(1))),
        ("v[value_type=SDS_P1].value", Root.MESSAGE, (Name("v"), Where("value_type", "SDS_P1"), Name("value"))),
        ('v["a=b"="x]y"]', Root.MESSAGE, (Name("v"), Where("a=b", "x]y"))),
        ("v[id='1']", Root.MESSAGE, (Name("v"), Where("id", "1"))),
        ("$topic[2]", Root.TOPIC, (Index(2),)),
        ("$topic[-1]", Root.TOPIC, (Index(-1),)),
        ("", Root.MESSAGE, ()),
        ("^", Root.WHOLE, ()),
        ("^a.b", Root.WHOLE, (Name("a"), Name("b"))),
        ("$topics.a", Root.MESSAGE, (Name("$topics"), Name("a"))),
    ],
)
def test_path_means_its_steps(text: str, root: Root, steps: tuple[Step, ...]) -> None:
    """Every sign of the grammar."""
    assert parse_path(text) == Path(root, steps)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a..b",
            ".a",
            "a.",
            'a"b',
            '"a',
            "''",
            "a[",
            "a[]",
            "a[x]",
            "a[=1]",
            "a[x=]",
            "a]",
            "a[0]b",
            '"a"b',
            "a^b",
            "a=b",
            "^.a",
        ),
        *("$topic", "$topic[]", "$topic[0].a", "$topic[x]", "a\nb", "a" * 201, "[0", "a[9999999]"),
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """Each with a reason."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_path(text)


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    """Nothing else is ever raised, and no step has an empty name."""
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert all(step.key for step in path.steps if not isinstance(step, Index))


@given(st.lists(st.from_regex(r"[A-Za-z0-9_:/ -]+", fullmatch=True), min_size=1, max_size=6))
def test_names_joined_by_dots_are_those_names(names: list[str]) -> None:
    """Old profiles have no other paths, and mean the same."""
    assert parse_path(".".join(names)).names == tuple(names)
