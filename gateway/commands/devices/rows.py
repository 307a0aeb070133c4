"""Lists of devices as people write them: CSV from a spreadsheet, or one JSON object a line; and the list that is to be completed.

Spreadsheets of Spain and Portugal write semicolons where others write commas, many begin a file with a byte order mark, and all
run what begins with `=`, `+`, `-` or `@` as a formula. What other people publish stands in such a list as their topic: so a cell
that would begin so gets an apostrophe in front, as one types it by hand, and loses it again when it is read. So does what follows
a semicolon, comma, tab or line end in a cell, since a spreadsheet that parts cells there begins another one.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consent.core.decide import Owner
from consent.messages import JsonObject
from consent.printable import one_line
from gateway.errors import OperatorError

COLUMNS: Final = ("topic", "id", "profile", "zone", "owner", "subject")
"""Of the list that `device discover --csv` writes, in its order."""
_REQUIRED: Final = ("topic", "profile", "zone", "owner", "subject")
_DELIMITERS: Final = ";,\t"
_EXAMPLE: Final = '{"profile": "meter", "zone": "north-quay", "topic": "homes/7f3a/meter", "owner": "resident", "subject": "new"}'
_BEGIN: Final = r"(?:\A|(?<=[;,\t\r\n]))"
"""Where a cell begins, also in a spreadsheet that takes another sign for the one between cells: quotation marks protect only what
stands in the first cell there."""
_RUN: Final = r"(?=[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20])"
"""What follows there is run; spreadsheets of East Asia take the wide signs as well."""
_FORMULA: Final = re.compile(_BEGIN + _RUN)
_GUARDED: Final = re.compile(f"{_BEGIN}'{_RUN}")
_TABLES: Final = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A device as a line of a file describes it.

    Attributes:
        number: The line where it begins, from 1.
        row: What `device.add` takes for it.
    """

    number: int
    row: JsonObject


class RowsError(OperatorError):
    """A list that cannot be used; `lines` hold what is wrong with each of its lines."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Take the faults, of which there is at least one."""
        super().__init__(faults[0])
        self.lines = tuple(faults)


def read_rows(file: Path, data: bytes) -> list[NumberedRow]:
    """Return the devices of a file, in its order.

    Raises: RowsError: lines are wrong, each told by number and topic.
    """
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise RowsError([f"{line_of(file, number)}: is not utf-8; save the list as `CSV UTF-8`"]) from error
    is_table = file.suffix.lower() in _TABLES or not (file.suffix.lower().startswith(".json") or text.lstrip()[:1] in ("{", "["))
    faults: list[str] = []
    rows = [each for each in (_of_table if is_table else _of_json)(file, text, faults) if _states_owner(file, each, faults)]
    if faults:
        raise RowsError(faults)
    if not rows:
        raise RowsError([f"`{file}`: holds no device"])
    return rows


def line_of(file: Path, number: int, row: JsonObject | None = None) -> str:
    """Return which line of a file is meant, and which device, by the topic that its operator gave it."""
    topic = (row or {}).get("topic")
    return f"`{file}`: line {number}" + (f", topic `{one_line(topic)}`" if isinstance(topic, str) and topic else "")


def _of_json(file: Path, text: str, faults: list[str]) -> Iterator[NumberedRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield NumberedRow(number, row)
        else:
            faults.append(f"{line_of(file, number)}: is no json object, such as `{_EXAMPLE}`")


def _of_table(file: Path, text: str, faults: list[str]) -> Iterator[NumberedRow]:
    """Yield the rows of a table; the first line that holds anything names its columns."""
    columns: list[str] = []
    for number, cells in _cells(text, faults, file):
        if not any(cells):
            continue
        if not columns:
            columns = _header(file, number, cells)
        elif len(cells) > len(columns) and any(cells[len(columns) :]):
            faults.append(f"{line_of(file, number)}: has `{len(cells)}` cells, and the header names `{len(columns)}` columns")
        else:
            named = dict(zip(columns, (_unguarded(cell) for cell in cells), strict=False))
            row = {name: value for name, value in named.items() if value}
            missing = next((name for name in _REQUIRED if name not in row and name != "owner"), None)
            if missing is None or "owner" not in row:  # whose it is has a line of its own
                yield NumberedRow(number, row)
            else:
                faults.append(f"{line_of(file, number, row)}: states no {missing}")


def _cells(text: str, faults: list[str], file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the line where it begins."""
    lines = io.StringIO(text, newline="")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.lower().startswith("sep=") and len(first) == len("sep=") + 1:  # says so to a spreadsheet, and is no row
        delimiter = first[-1]
    else:
        delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    number = 1
    try:
        for cells in reader:
            if number > 1 or cells != ["sep="] + [""] * (len(cells) - 1):
                yield number, [cell.strip() for cell in cells]
            number = reader.line_num + 1
    except csv.Error as error:
        faults.append(f"{line_of(file, number)}: is no row of a table: {one_line(str(error))}")


def _header(file: Path, number: int, cells: Sequence[str]) -> list[str]:
    """Return the names of the columns.

    Raises: RowsError: one is unknown, stands twice, or is missing.
    """
    columns = [cell.lower() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    wanted = f"the header should name the columns {', '.join(f'`{name}`' for name in COLUMNS)}"
    for name in columns:
        if name not in COLUMNS:
            raise RowsError([f"{line_of(file, number)}: `{one_line(name)}` is no column: {wanted}"])
        if columns.count(name) > 1:
            raise RowsError([f"{line_of(file, number)}: the column `{name}` stands twice"])
    for name in _REQUIRED:
        if name not in columns:
            raise RowsError([f"{line_of(file, number)}: the column `{name}` is missing: {wanted}"])
    return columns


def _states_owner(file: Path, each: NumberedRow, faults: list[str]) -> bool:
    owner = each.row.get("owner")
    if owner in list(Owner):
        return True
    said = "states no owner" if owner is None else f"`owner`: `{one_line(str(owner))}` is none"
    faults.append(f"{line_of(file, each.number, each.row)}: {said}: write `city`, or `resident` and a subject")
    return False


def table(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the list to complete: a header, and a row for each device, of which spreadsheets take no cell for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_FORMULA.sub("'", cell.strip()) for cell in row] for row in rows)  # white space would be lost anyway
    return codecs.BOM_UTF8 + text.getvalue().encode(errors="replace")


def _unguarded(cell: str) -> str:
    return _GUARDED.sub("", cell).strip()
