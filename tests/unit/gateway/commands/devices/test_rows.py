"""Lists of devices come from spreadsheets of every country, and what is wrong in them is told by line and topic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.commands.devices.rows import COLUMNS, NumberedRow, RowsError, read_rows, table

METER = {"topic": "homes/1/meter", "profile": "meter", "zone": "mill", "owner": "resident", "subject": "new"}
HEADER = "topic,id,profile,zone,owner,subject"


def read(text: str | bytes, name: str = "devices.csv") -> list[NumberedRow]:
    """Return the rows of a file with some text."""
    return read_rows(Path(name), text if isinstance(text, bytes) else text.encode())


def faults(text: str | bytes, name: str = "devices.csv") -> tuple[str, ...]:
    """Return what is wrong with a file."""
    with pytest.raises(RowsError) as refused:
        read(text, name)
    return refused.value.lines


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\nhomes/1/meter,,meter,mill,resident,new\n",
        f"\ufeff{HEADER}\r\nhomes/1/meter,,meter,mill,resident,new\r\n",
        f"{HEADER.replace(',', ';')}\nhomes/1/meter;;meter;mill;resident;new\n",
        f"{HEADER.replace(',', chr(9))}\nhomes/1/meter\t\tmeter\tmill\tresident\tnew\n",
        f"sep=;\n{HEADER.replace(',', ';')}\nhomes/1/meter;;meter;mill;resident;new\n",
        '"Topic", "PROFILE",zone,owner,subject\n" homes/1/meter ","meter",mill,resident,new,,\n',
        "subject,owner,zone,profile,topic\n\nnew,resident,mill,meter,homes/1/meter\n,,,,\n",
    ],
    ids=["commas", "byte order mark", "semicolons", "tabs", "sep line", "quoted", "other order, blank lines"],
)
def test_table_of_any_spreadsheet_is_read(text: str) -> None:
    """Commas or semicolons, a byte order mark or none, quoted or not, columns in any order."""
    assert [each.row for each in read(text)] == [METER]


def test_row_is_told_by_the_line_where_it_begins() -> None:
    """Also where a cell before it holds a line end of its own."""
    text = f'{HEADER}\n"a\nb",7,meter,mill,city,none\nc,,meter,mill,city,none\n'
    assert [(each.number, each.row["topic"]) for each in read(text)] == [(2, "a\nb"), (4, "c")]


def test_every_line_with_a_fault_is_told_at_once() -> None:
    """By its number and topic, so that a list is mended in one go."""
    text = f"{HEADER}\na,,meter,mill,,new\nb,,meter,mill,residents,new\nc,,meter,mill,city,none\nd,,meter,mill,city,none,x,y\n"
    text += "e,,meter,mill,city,\n,,meter,mill,city,none\n"
    assert faults(text) == (
        "`devices.csv`: line 2, topic `a`: states no owner: write `city`, or `resident` and a subject",
        "`devices.csv`: line 3, topic `b`: `owner`: `residents` is none: write `city`, or `resident` and a subject",
        "`devices.csv`: line 5: has `8` cells, and the header names `6` columns",
        "`devices.csv`: line 6, topic `e`: states no subject",
        "`devices.csv`: line 7: states no topic",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topic,id,profile,zone,owner\n", "line 1: the column `subject` is missing"),
        (f"{HEADER},colour\n", "line 1: `colour` is no column"),
        ("topic,topic,profile,zone,owner,subject\n", "line 1: the column `topic` stands twice"),
        ("", "holds no device"),
        (f"{HEADER}\n\n", "holds no device"),
        (f'{HEADER}\n"a,,meter,mill,city,none\n', "line 2: is no row of a table"),
        (HEADER.encode() + b"\nn\xe9,,meter,mill,city,none\n", "line 2: is not utf-8; save the list as `CSV UTF-8`"),
    ],
)
def test_file_that_is_no_such_table_is_refused_in_one_line(text: str | bytes, said: str) -> None:
    """It names the line, and what should stand there."""
    (line,) = faults(text)
    assert line.startswith(f"`devices.csv`: {said}")


def test_json_lines_are_told_from_a_table() -> None:
    """By the name, or by how they begin."""
    text = '\n{"topic": "a", "profile": "p", "zone": "z", "owner": "city", "subject": "none", "id": "7"}\n'
    for name in ("d.jsonl", "d.json", "d"):
        assert [(each.number, each.row["id"]) for each in read(text, name)] == [(2, "7")]
    assert faults("7\n[]\n", "d.jsonl")[1].startswith("`d.jsonl`: line 2: is no json object, such as")


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-2", "@cmd", "'=1", "''+", "\t=x", "\r=x", " =1", "\uff1d1"])
def test_what_a_stranger_publishes_is_no_formula_in_the_list(cell: str) -> None:
    """A spreadsheet runs what begins so; here each begins with an apostrophe, and is read back as it was."""
    data = table([(cell, "", "meter", "", "", "")])
    written = data.decode("utf-8-sig").split("\r\n", 1)[1]
    assert written.lstrip('"').startswith("'")


@pytest.mark.parametrize("parts", [";", "\t", ";\t", ","])
def test_what_a_stranger_publishes_is_no_formula_where_other_signs_part_the_cells(parts: str) -> None:
    """A spreadsheet of Spain opens a list with commas by semicolons, and finds a cell within a topic or an id."""
    data = table([(f"x{parts}=HYPERLINK(1)", f"y{parts}@z", "meter", "", "", "")])
    (line,) = data.decode("utf-8-sig").split("\r\n")[1:-1]
    assert not any(cell.lstrip(' "')[:1] in ("=", "@") for cell in re.split("[;,\t]", line) if cell)
    (row,) = read(data.replace(b",,,", b",z,city,none"))
    assert (row.row["topic"], row.row["id"]) == (f"x{parts}=HYPERLINK(1)", f"y{parts}@z")


_anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(_anything | st.text(st.sampled_from("=';,\t -a"), max_size=6), max_size=5))
@example([";\n ="])
def test_list_to_complete_is_read_back_as_it_was_written(topics: list[str]) -> None:
    """Whatever topics are published, but for white space around them, which spreadsheets bring."""
    topics = [f"t{topic}" if not topic.strip() else topic for topic in topics]
    data = table([(topic, topic, "p", "z", "city", "none") for topic in topics])
    assert data.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
    if topics:
        assert [each.row["topic"] for each in read(data)] == [topic.strip() for topic in topics]
