"""The list of changes and the page of each: in three languages, from the record alone, with what cannot be read said plainly."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from consent.portal.record import RulesChange
from tests.support.changed_rules import EDITS, rules_after
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state

DAY_MS = 86_400_000
BEGIN_MS = 1_795_000_000_000


def _change(place: int, edit: str | None) -> RulesChange:
    policies = None if edit is None else rules_after(edit)
    return RulesChange(
        place * 37, BEGIN_MS + place * DAY_MS, bytes([place]) * 32 if policies is None else policies.sha256, policies
    )


def _client(*edits: str | None, away: bool = True):  # type: ignore[no-untyped-def]  # a client of httpx
    changes = [_change(place, edit) for place, edit in enumerate(edits)]
    return portal_client(SaidGate(said_state(), away=away), SaidRecord(rules_after(), said_head(), changes=changes))


def _heading(html: str) -> str:
    return html.partition("<h1>")[2].partition("</h1>")[0]


@pytest.mark.parametrize(
    ("language", "headings"),
    [
        ("en", ["tell less of you", "tell more of you", "tell no more of you"]),
        ("es", ["revelan menos de usted", "revelan más de usted", "no revelan más de usted"]),
        ("pt", ["revelam menos de si", "revelam mais de si", "não revelam mais de si"]),
    ],
)
def test_the_heading_is_the_verdict(language: str, headings: list[str]) -> None:
    client = _client("", "time", "", "officer")
    for place, heading in enumerate(headings, 1):
        assert _heading(client.get(f"/rules/{place * 37}?lang={language}").text).endswith(f"2026 {heading}")


@pytest.mark.parametrize("edit", EDITS)
def test_list_and_page_agree_on_every_edit(edit: str) -> None:
    client = _client("", edit)
    verdict = re.findall(r"<strong>(Tells .*? of you)\.</strong>", client.get("/rules").text)[0]
    heading = _heading(client.get("/rules/37").text)
    assert heading.endswith(verdict.replace("Tells", "tell"))


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("edit", EDITS)
def test_every_page_is_there_in_every_language(edit: str, language: str) -> None:
    assert _client("", edit).get(f"/rules/37?lang={language}").status_code == 200


def test_the_list_is_newest_first_with_number_and_date() -> None:
    html = _client("", "time", "").get("/rules").text
    assert _heading(html) == "The rules have changed 2 times since 18 November 2026"
    assert re.findall(r'<h3><a href="(.*?)">', html) == ["/rules/74", "/rules/37", "/rules/0"]
    assert "More: “Hourly sums” to Energy office." in html
    assert "Less: “Hourly sums” to Energy office." in html
    assert "Number 74 in the record" in html


def test_one_change_is_one_and_none_is_none() -> None:
    assert _heading(_client("", "time").get("/rules").text) == "The rules have changed once since 18 November 2026"
    assert _heading(_client("").get("/rules").text) == "The rules have not changed since 18 November 2026"
    assert _heading(_client().get("/rules").text) == "No rules are in force yet, so nothing leaves"


def test_a_set_that_cannot_be_read_is_said_to_be() -> None:
    client = _client("", None, "time")
    assert "What these rules say cannot be read." in client.get("/rules").text
    page = client.get("/rules/37").text
    assert _heading(page) == "What the rules of 19 November 2026 say cannot be read"
    assert "Nobody can say from here what changed" in page
    assert "/log/policies/" not in page
    after = client.get("/rules/74").text
    assert "What was in force between the two cannot be read." in after
    assert "those of 18 November 2026, number 0" in after


def test_the_first_rules_are_told_as_such() -> None:
    page = _client("", "time").get("/rules/0").text
    assert _heading(page) == "The first rules, of 18 November 2026"
    assert page.count("New: ") == len(rules_after().flows)
    assert "Tells more." not in page


def test_only_words_that_differ_are_not_called_more() -> None:
    assert _heading(_client("", "").get("/rules/37").text).endswith("tell no more of you")
    assert "Only words differ, or what tells nothing" in _client("", "").get("/rules/37").text


def test_the_rules_themselves_are_linked_and_the_entry_that_put_them_in_force() -> None:
    page = _client("", "time").get("/rules/37").text
    assert f'href="/log/policies/{rules_after("time").sha256.hex()}"' in page
    assert 'href="/check/37"' in page
    assert 'href="/rules/0"' in page
    assert "They are in force now." in page


@pytest.mark.parametrize("path", ["/rules/1", "/rules/999", "/rules/x", "/rules/007", "/rules/9999999999999999999"])
def test_an_entry_that_changed_no_rules_is_not_there(path: str) -> None:
    assert _client("", "time").get(path).status_code == 404


def test_long_lists_go_on_on_another_page() -> None:
    client = _client(*["", "time"] * 30)
    first = client.get("/rules").text
    assert first.count("<h3>") == 50
    assert 'href="/rules?before=370"' in first
    assert client.get("/rules?before=370").text.count("<h3>") == 10


def test_titles_of_rules_stay_text() -> None:
    hostile = '<img src=x onerror="alert(1)">'
    policies = rules_after("time")
    flow = replace(policies.flows["hourly"], title={"en": hostile})
    evil = replace(policies, flows={**policies.flows, "hourly": flow}, sha256=b"e" * 32)
    changes = [_change(0, ""), RulesChange(37, BEGIN_MS, b"e" * 32, evil)]
    client = portal_client(SaidGate(said_state()), SaidRecord(evil, said_head(), changes=changes))
    for path in ("/rules", "/rules/37"):
        html = client.get(path).text
        assert hostile not in html
        assert "&lt;img src=x" in html
