"""Whom to ask: links lead where they say, and text that is no address leads nowhere."""

from __future__ import annotations

import pytest

from consent.portal.sensors.contacts import Contact, contact, contacts_of, who_to_ask
from consent.portal.sensors.uses import uses_of
from consent.portal.visit import Visit
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.street_city import street

RIBERA = load_policies(ROOT / "policies")


def test_whom_to_ask_is_who_gets_it_and_the_city() -> None:
    """Each with links for what can be one; a recipient of whom the rules say nothing is left out."""
    uses = uses_of(RIBERA, "north-quay", "noise")
    office, town = who_to_ask(RIBERA, uses, Visit("en"))
    assert office.name == "City environment office"
    assert office.contacts == (
        Contact("environment@ribera.example", "mailto:environment@ribera.example"),
        Contact("+34 555 010 012", "tel:+34555010012"),
    )
    assert town.contacts[0] == Contact("ribera.example/sensors", "https://ribera.example/sensors")
    bare = street().policies()
    assert contacts_of(bare.recipients["office"]) == ()
    assert [each.name for each in who_to_ask(bare, uses_of(bare, "mill", "station"), Visit("en"))] == ["Town"]


@pytest.mark.parametrize(
    "text", ["Town hall, room 3", "javascript:alert(1)", "http://town.example", "a@b.example?bcc=c@d.example"]
)
def test_text_that_is_no_address_is_no_link(text: str) -> None:
    """`city.contact` may be any text."""
    assert contact(text) == Contact(text)
