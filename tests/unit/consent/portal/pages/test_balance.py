"""Where it went: the heading is the answer, and page, drawing, table and file tell the same numbers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field

import msgspec
import pytest

from consent.public_messages import PublicBalance
from tests.support.balances import said_balance, told_by
from tests.support.checkout import ROOT
from tests.support.drawings import drawings
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state

POLICIES = load_policies(ROOT / "policies")


@dataclass
class _Days(SaidGate):
    """A gate that knows several days; the first is the present one."""

    balances: dict[str, PublicBalance] = field(default_factory=dict)

    async def balance(self, day: str = "") -> PublicBalance:
        self._answer()
        return self.balances[day or next(iter(self.balances))]


def _client(*balances: PublicBalance, away: bool = False):  # type: ignore[no-untyped-def]  # a client of httpx
    days = [each.day for each in balances] or ["2026-11-27"]
    known = {each.day: msgspec.structs.replace(each, days=days) for each in balances or (said_balance(),)}
    gate = _Days(said_state(), away=away, balances=known)
    return portal_client(gate, SaidRecord(POLICIES, said_head()))


def _number(text: str) -> int:
    """Return a number; one that is said to be fewer than some is the negative of that."""
    n = int(re.sub(r"[^0-9]", "", text))
    return n if re.fullmatch(r"[0-9,.\s\u00a0]+", text) else -n


def _table(html: str) -> dict[str, int]:
    """Return the rows of the first table."""
    table = html.partition("<table>")[2].partition("</table>")[0]
    return {
        name: _number(n)
        for name, n in re.findall(r'<th scope="row(?:group)?">(.*?)(?: <span.*?)?</th><td class="n">(.*?)</td>', table)
    }


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("en", "Of at least 3,840 uses of readings on 27 November 2026, at least 1,830 went on to the city"),
        ("es", "El 27 de noviembre de 2026, al menos 1830 de al menos 3840 usos de lecturas siguieron hacia la ciudad"),
        ("pt", "Em 27 de novembro de 2026, pelo menos 1830 de pelo menos 3840 usos de leituras seguiram para a cidade"),
    ],
)
def test_the_heading_is_the_answer(language: str, heading: str) -> None:
    assert f"<h1>{heading}</h1>" in _client().get(f"/balance?lang={language}").text


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_page_drawing_table_and_file_tell_the_same_numbers(language: str) -> None:
    client = _client()
    html = client.get(f"/balance?lang={language}").text
    table = list(_table(html).values())
    assert table == [3840, 1830, 1545, 240, 45, 1950, 1830, 60, 45, 15, -15, 45, 45, 15, 15]
    wide, narrow = drawings(html.partition('<figure class="flowchart">')[2].partition("</figure>")[0])
    for drawing in (wide, narrow):
        shown = {_number(text) for text in drawing.texts if re.fullmatch(r"[0-9,.\s\u00a0]+", text)}
        said, numerals = {n for n in table if n > 0}, set(range(1, 10))
        assert said <= shown
        assert shown - said <= numerals
    lines = list(csv.DictReader(io.StringIO(client.get("/balance.csv").text, newline="")))
    assert sum(int(line["n"]) for line in lines if line["row"].startswith("told.")) == 1830
    assert sum(int(line["n"]) for line in lines if line["row"].startswith("held.")) == 1950


def test_the_table_adds_up_and_says_how_it_is_rounded() -> None:
    html = _client().get("/balance").text
    table = _table(html)
    assert table["All uses of readings"] == table["Went on"] + table["Held back"] + table["Still waiting"] + table["Left over"]
    assert table["In none of these rows: each of them is rounded down by itself"] == 15
    assert table["Came twice and counts once"] == -15
    assert "Each number is rounded down by itself, to multiples of 15, so that it never tells of fewer than 15 homes." in html
    assert "in 103 records" in html
    assert "drawn a little thicker than it is" in html


def test_without_a_day_the_last_whole_one_is_shown_and_others_are_links() -> None:
    present = said_balance(day="2026-11-28", until_ms=1_795_888_800_000)
    client = _client(present, said_balance(), said_balance(day="2026-11-26"))
    html = client.get("/balance").text
    assert "27 November 2026" in html
    assert "This day is not over" not in html
    assert 'href="/balance?day=2026-11-26"' in html
    assert "This day is not over: it is counted up to 19:00." in client.get("/balance?day=2026-11-28").text
    assert "/balance.csv?day=2026-11-27&amp;lang=es" in client.get("/balance?lang=es").text


@pytest.mark.parametrize("path", ["/balance?day=2026-01-01", "/balance.csv?day=2026-01-01", "/balance?day=2026-99-99"])
def test_a_day_that_is_not_known_is_not_there(path: str) -> None:
    assert _client().get(path).status_code == 404


@pytest.mark.parametrize("path", ["/balance", "/balance.csv"])
def test_without_the_gate_nothing_is_made_up(path: str) -> None:
    answer = _client(away=True).get(path)
    assert answer.status_code == 503
    assert "flowchart" not in answer.text


def test_a_day_without_uses_says_so() -> None:
    html = _client(said_balance({}, told=[])).get("/balance").text
    assert "<h1>On 27 November 2026, nothing was used</h1>" in html
    assert "There is nothing to count on this day." in html
    assert "<svg class=" not in html.partition("<main")[2].replace('class="ico', "")


@pytest.mark.parametrize(
    ("considered", "told", "heading"),
    [
        (30, [], "Of at least 30 uses of readings on 27 November 2026, none went on to the city"),
        (30, [0], "Of at least 30 uses of readings on 27 November 2026, too few went on to count them here"),
        (0, [45], "On 27 November 2026, at least 45 uses of readings went on to the city"),
        (0, [0], "On 27 November 2026, too few uses of readings went on to count them here"),
        (0, [], "On 27 November 2026, nothing went on to the city"),
    ],
)
def test_the_heading_says_no_more_than_is_known(considered: int, told: list[int], heading: str) -> None:
    rows = [told_by("f", "city-energy", "resident", "aggregate", n) for n in told]
    html = (
        _client(said_balance({"pairs.considered": considered, "pairs.withheld.refused": considered}, told=rows))
        .get("/balance")
        .text
    )
    assert f"<h1>{heading}</h1>" in html
    assert ('<figure class="flowchart">' in html) is (considered > 0)


def test_where_too_little_was_weighed_no_share_is_drawn_and_what_left_is_told() -> None:
    told = [told_by("f", "city-environment", "city", "per-record", 800, 50)]
    html = _client(said_balance({"pairs.considered": 0, "pairs.withheld.refused": 0}, 4800, told=told)).get("/balance").text
    assert "fewer than 4,800, and so few could tell of a home" in html
    table = _table(html)
    assert table["All uses of readings"] == table["Nobody had said yes, or not everyone in the home had"] == -4800
    assert table["City environment office, from the city’s own sensors"] == 800
    assert "to multiples of 50 and 4,800" in html
    assert "Left over" not in table


def test_what_had_been_waiting_has_its_row() -> None:
    told = [told_by("f", "gone", "resident", "aggregate", 90)]
    table = _table(_client(said_balance({"pairs.considered": 30}, told=told)).get("/balance").text)
    assert table["Weighed on this day"] == 30
    assert table["Had been waiting since the days before, or is lost in rounding"] == 60
    assert table["gone, in sums"] == table["All uses of readings"] == 90


def test_a_hostile_title_stays_text() -> None:
    told = [told_by("f", "<script>alert(1)</script>", "resident", "aggregate", 30)]
    html = _client(said_balance({"pairs.considered": 30}, told=told)).get("/balance").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, in sums" in html


def test_every_column_of_the_file_is_described_on_the_page() -> None:
    client = _client()
    columns = client.get("/balance.csv").text.splitlines()[0].split(",")
    assert re.findall(r"<dt><code>(.*?)</code></dt>", client.get("/balance").text) == columns


def test_the_file_is_named_after_its_day_and_is_csv() -> None:
    answer = _client().get("/balance.csv?day=2026-11-27")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="balance-2026-11-27.csv"'
