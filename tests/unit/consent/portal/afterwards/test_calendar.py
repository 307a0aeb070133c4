"""The calendar file: read by a reader of RFC 5545 that is written here, whatever stands in titles."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from consent.portal.afterwards.calendar import EndOfAnswer, calendar_of

END = EndOfAnswer("ab" * 32, 1_774_047_600_000, 1_796_000_000_000, "Ends: energy", "Number 5.", "https://x.example/my/receipts/5")


@dataclass(frozen=True)
class Component:
    """A component: its name, its properties in order, and the components within."""

    name: str
    properties: list[tuple[str, str]]
    within: list[Component]

    def all(self, name: str) -> list[str]:
        """Return the values of a property."""
        return [value for each, value in self.properties if each == name]


def read(file: bytes) -> Component:
    """Return the one component of a file, its lines unfolded."""
    assert file.endswith(b"\r\n")
    lines = file[:-2].split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    for line in lines:
        line.decode()  # no letter is broken in two
    unfolded: list[bytes] = []
    for line in lines:
        if line.startswith((b" ", b"\t")):
            unfolded[-1] += line[1:]
        else:
            unfolded.append(line)
    rows = [(name, value) for name, _, value in (line.decode().partition(":") for line in unfolded)]
    whole = component(rows)
    assert not rows
    return whole


def component(rows: list[tuple[str, str]]) -> Component:
    """Take one component off the front of the lines."""
    begin, name = rows.pop(0)
    assert begin == "BEGIN"
    found = Component(name, [], [])
    while rows[0][0] != "END":
        if rows[0][0] == "BEGIN":
            found.within.append(component(rows))
        else:
            found.properties.append(rows.pop(0))
    assert rows.pop(0)[1] == name
    return found


def unescaped(value: str) -> str:
    """Return the text of a value; a bare comma or semicolon would be another value."""
    found, letters = "", iter(value)
    for letter in letters:
        assert letter not in ",;"
        found += {"n": "\n", "N": "\n"}.get(after := next(letters), after) if letter == "\\" else letter
    return found


def test_event_has_what_the_standard_asks_for_once() -> None:
    """One event with one reminder, two weeks before; no more than its own two dates."""
    calendar = read(calendar_of(END))
    assert (calendar.name, calendar.all("VERSION")) == ("VCALENDAR", ["2.0"])
    assert len(calendar.all("PRODID")) == 1
    (event,) = calendar.within
    assert event.name == "VEVENT"
    assert event.all("UID") == ["ab" * 32]
    assert event.all("DTSTAMP") == ["20260320T230000Z"]
    assert event.all("DTSTART") == ["20261130T005320Z"]
    assert event.all("URL") == ["https://x.example/my/receipts/5"]
    (alarm,) = event.within
    assert (alarm.name, alarm.all("ACTION"), alarm.all("TRIGGER")) == ("VALARM", ["DISPLAY"], ["-P2W"])
    assert alarm.all("DESCRIPTION") == ["Ends: energy"]


def test_file_of_one_answer_is_the_same_however_often_it_is_fetched() -> None:
    """So that a calendar replaces the event and never shows it twice."""
    assert calendar_of(END) == calendar_of(END)


def test_portal_without_an_address_names_none() -> None:
    """An empty one would be no address."""
    (event,) = read(calendar_of(EndOfAnswer("ab", 0, 1, "a", "b", ""))).within
    assert event.all("URL") == []


@given(st.text(max_size=300), st.text(max_size=300))
@example("a" * 400, "ñ" * 200)
@example("\N{SNOWMAN}" * 100, "\U0001f600," * 50)
def test_whatever_stands_in_a_title_stays_one_text(title: str, text: str) -> None:
    """Line ends, commas, semicolons, backslashes and letters of several bytes open no property and break no line."""
    (event,) = read(calendar_of(EndOfAnswer("ab", 0, 1, title, text, ""))).within
    (alarm,) = event.within
    kept = "".join(letter for letter in "\n".join(title.splitlines()) if letter in "\n\t" or letter.isprintable())
    assert unescaped(*event.all("SUMMARY")) == kept
    assert alarm.all("DESCRIPTION") == event.all("SUMMARY")
    assert [name for name, _ in event.properties] == [
        *("UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION", "CLASS", "TRANSP"),
    ]
