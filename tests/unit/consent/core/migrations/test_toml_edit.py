"""Edits of single values in TOML text: right, with everything else as it was, or none."""

from __future__ import annotations

import pytest

from consent.core.migrations.toml_edit import line_of, remove_key, replace_text

KEYS = ("flow", "nights", "statistic", "LAeq")


@pytest.mark.parametrize(
    "text",
    [
        '[flow.nights]\n# "max" of all\nstatistic = { LAeq = "max" }  # "max"\n',
        "[flow.nights.statistic]\r\nLAeq  =  'max'\r\n",
        '[flow.nights]\nstatistic.LAeq = "max"\n[flow.days]\nstatistic.LAeq = "max"\n',
        '[flow.days]\nstatistic.LAeq = "max"\n[flow.nights]\nstatistic.LAeq = "max"\n',
        'flow = { days = { statistic = { LAeq = "max" } }, nights = { statistic = { pm25 = "max", LAeq = "max" } } }\n',
        '[flow."nights"]\nwhy = "max"\nstatistic = { "LAeq" = """max""" }\n',
        '[flow.nights]\nstatistic.LAeq = "max"\nshare = 0.10\nname = "á"\n',
    ],
)
def test_one_value_is_replaced_and_nothing_else(text: str) -> None:
    """However the table is written: the text differs in that one word."""
    edited = replace_text(text, KEYS, "mean")
    assert edited is not None
    places = [at for at in range(len(text)) if text[at : at + 3] == "max"]
    (place,) = [at for at in places if text[:at] + "mean" + text[at + 3 :] == edited.text]
    assert text[:place].count("\n") + 1 == edited.line


@pytest.mark.parametrize(
    "text",
    [
        '[flow.nights]\nstatistic.LAeq = "m\\u0061x"\n',
        "[flow.nights]\nstatistic.LAeq = 3\n",
        "[flow.nights]\nstatistic = 3\n",
        '[flow.days]\nstatistic.LAeq = "max"\n',
        "".join(f'[flow.days-{n}]\nstatistic.LAeq = "max"\n' for n in range(70)) + '[flow.nights]\nstatistic.LAeq = "max"\n',
    ],
)
def test_what_cannot_be_edited_in_safety_is_not(text: str) -> None:
    """Escapes, other types, absent keys, and texts in which the word stands too often."""
    assert replace_text(text, KEYS, "mean") is None


def test_line_to_look_at_is_the_keys_own_or_its_tables() -> None:
    """For whoever has to edit by hand."""
    text = '[flow.days]\nstatistic.LAeq = "max"\n\n[flow.nights]\nwhy = ""\nstatistic.LAeq = "max"\n'
    assert [line_of(text, keys) for keys in (KEYS, ("flow", "nights", "ask"), ("flow", "none", "ask"))] == [6, 4, 1]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("[limits]\nshare = 0.15\np = 15\n", "[limits]\np = 15\n"),
        ("[limits]\n  'share' = 0.15 # of one\n", "[limits]\n"),
        ("share = 1\n[limits]\nshare = 0.15", "share = 1\n[limits]\n"),
        ("[limits]\nwhy = '''\nshare = 0.15\n'''\nshare = 0.15\n", "[limits]\nwhy = '''\nshare = 0.15\n'''\n"),
        ("limits = { share = 0.15 }\n", None),
        ("limits.share = 0.15\n", None),
        ("[limits]\nshare = [\n  0.15\n]\n", None),
        ("[limits]\np = 15\n", None),
    ],
)
def test_key_is_removed_with_its_line_or_not_at_all(text: str, after: str | None) -> None:
    """What the text says otherwise stays."""
    found = remove_key(text, ("limits", "share"))
    assert (None if found is None else found.text) == after
