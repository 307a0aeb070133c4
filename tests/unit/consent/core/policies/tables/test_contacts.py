"""Whom one can ask: addresses and telephone numbers as policies may write them, and nothing that a link must not hold."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.policies.notice import notice_of
from consent.core.policies.parse import parse_policies
from consent.core.policies.tables.contacts import is_mail_address, is_web_address
from consent.errors import PolicyError
from tests.support.consent_samples import policies, small_city

_RECIPIENT = '"keys/office.pub"\n'
_PURPOSE = 'legal_basis = "consent"\n'


def test_recipient_says_whom_to_ask() -> None:
    """As it is written; both may be left out."""
    office = policies((_RECIPIENT, f'{_RECIPIENT}contact = "https://town.example/energy"\ntelephone = "+34 555 010 010"\n'))
    assert office.recipients["office"].contact == "https://town.example/energy"
    assert office.recipients["office"].telephone == "+34 555 010 010"
    assert (office.recipients["public"].contact, office.recipients["public"].telephone) == ("", "")


def test_purpose_says_what_happens_after_a_no() -> None:
    """In each of the city's languages, or not at all; it is wording, and ends no consent."""
    said = policies((_PURPOSE, _PURPOSE + 'if_no = { en = "Nothing changes", pt = "Nada muda" }\n'))
    assert said.purposes["energy"].if_no == {"en": "Nothing changes", "pt": "Nada muda"}
    assert said.purposes["streets"].if_no == {}
    assert notice_of(said.terms_for("hourly")) == notice_of(policies().terms_for("hourly"))


@pytest.mark.parametrize(
    "contact",
    [
        "https://town.example",
        "https://town.example:8443/a%20b/?q=1&r=2#whom",
        "https://xn--ao-zja.example/",
        "energy@town.example",
        "first.last+sensors@office.town.example",
    ],
)
def test_address_of_either_kind_is_taken(contact: str) -> None:
    """Pages and e-mail."""
    found = policies((_RECIPIENT, f'{_RECIPIENT}contact = "{contact}"\n'))
    assert found.recipients["office"].contact == contact


@pytest.mark.parametrize(
    "contact",
    [
        "",
        "Town hall, room 3",
        "http://town.example",
        "javascript:alert(1)",
        "https://",
        "https://office@town.example/",
        "https://town.example/<script>",
        "https://town.example/ x",
        "https://-town.example",
        "mailto:energy@town.example",
        "energy@town",
        "energy?bcc@town.example",
        "energy@town.example?bcc=thief@else.example",
        "en ergy@town.example",
        ".energy@town.example",
        "https://town.example/" + "a" * 240,
    ],
)
def test_what_is_no_address_is_refused(contact: str) -> None:
    """It would become a link on a page."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(small_city((_RECIPIENT, f'{_RECIPIENT}contact = "{contact}"\n')))
    said = "should be an address such as `https://town.example/sensors` or `sensors@town.example`"
    assert str(caught.value) == f"`city.toml`: `recipient.office.contact`: {said}"


@pytest.mark.parametrize("number", ["+34 555 010 010", "+351-21-555-0100", "+14155550100", "+2901234"])
def test_telephone_number_of_any_country_is_taken(number: str) -> None:
    """With single spaces or hyphens between digits."""
    assert policies((_RECIPIENT, f'{_RECIPIENT}telephone = "{number}"\n')).recipients["office"].telephone == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        "555 010 010",
        "0034 555 010 010",
        "+0 555 010 010",
        "+34",
        "+34  555010010",
        "+34 555 010 010;ext=1",
        "+123456",
        "+1234567890123456",
        "+1" * 9,
    ],
)
def test_what_no_telephone_can_dial_is_refused(number: str) -> None:
    """It stands on a sign, and is a link."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(small_city((_RECIPIENT, f'{_RECIPIENT}telephone = "{number}"\n')))
    said = "should be a telephone number with its country code, such as `+34 555 010 010`"
    assert str(caught.value) == f"`city.toml`: `recipient.office.telephone`: {said}"


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('if_no = { en = "Nothing" }', "`purpose.energy.if_no.pt`: is missing"),
        ("if_no = {}", "`purpose.energy.if_no.en`: is missing"),
        ('if_no = "Nothing"', "`purpose.energy.if_no`: should be a table, not text"),
        ('if_no = { en = "x", pt = "x", fr = "x" }', "`purpose.energy.if_no.fr`: is none of the city's languages, `en`, `pt`"),
    ],
)
def test_what_happens_after_a_no_is_said_in_each_language(table: str, line: str) -> None:
    """Or in none."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(small_city((_PURPOSE, f"{_PURPOSE}{table}\n")))
    assert str(caught.value) == f"`city.toml`: {line}"


@given(st.from_regex(r"https://[!-~]{0,40}", fullmatch=True) | st.text(max_size=30))
def test_address_leads_where_it_says(text: str) -> None:
    """What is taken for a web address has a host, no user, and nothing that would end an attribute; e-mail has no query."""
    if is_web_address(text):
        parts = urlsplit(text)
        assert parts.scheme == "https"
        assert parts.hostname
        assert parts.username is None
        assert text.isascii()
        assert not set(text) & set('"<>\\`{}|^ \t\n')
    if is_mail_address(text):
        assert not set(text) & set('?&:/"<> ')
