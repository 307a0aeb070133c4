"""What forms ask of a passkey, and what is read of what comes back."""

from __future__ import annotations

import re

import pytest

from consent.core.passkeys.registration import check_registration
from consent.core.passkeys.relying_party import RelyingParty
from consent.portal.answers import FilledForm
from consent.portal.http.static_files import static_files
from consent.portal.joining.passkey_form import PASSKEY_FIELDS, PasskeyAsked, assertion_of, registration_of
from tests.support.own_home import CHALLENGE, ORIGIN, SITE, made_fields, passkey, read, signed_fields
from tests.support.virtual_passkey import VirtualPasskey


def form(values: dict[str, str]) -> FilledForm:
    """Return a form with those fields, the others empty."""
    return FilledForm({field.name: values.get(field.name, "") for field in PASSKEY_FIELDS}, "0" * 32)


def test_what_is_asked_stands_in_base64url() -> None:
    """As the script reads it: no sign of it has to be escaped, and a space parts ids."""
    ids = [b"\xfb\xff\xfe" * 6, b"x" * 16]
    asked = PasskeyAsked.to_make(CHALLENGE, b"\xff" * 16, SITE, ids)
    assert read(asked.challenge) == CHALLENGE
    assert read(asked.user) == b"\xff" * 16
    assert [read(each) for each in asked.keys.split(" ")] == ids
    assert re.fullmatch("[A-Za-z0-9_-]+( [A-Za-z0-9_-]+)*", asked.keys)
    assert PasskeyAsked.to_sign(CHALLENGE, SITE).keys == ""


def test_registration_is_read_as_the_gate_takes_it() -> None:
    """What the fields hold is what the browser has made."""
    made = passkey()
    said = registration_of(form(made_fields(made)))
    assert said is not None
    new = check_registration(said.client_data, said.attestation, CHALLENGE, RelyingParty(ORIGIN, SITE))
    assert new.credential == made.credential


def test_assertion_is_read_as_the_gate_takes_it() -> None:
    """All four parts, in their places."""
    signing = passkey()
    said = assertion_of(form(signed_fields(signing)))
    assert said is not None
    assert said.credential == signing.credential
    assert b'"webauthn.get"' in said.client_data
    assert len(said.authenticator_data) == 37
    assert said.signature.startswith(b"\x30")


@pytest.mark.parametrize("field", ["credential", "client_data", "authenticator_data", "signature"])
@pytest.mark.parametrize("value", ["", "A"])
def test_form_that_lacks_a_part_holds_no_passkey(field: str, value: str) -> None:
    """Nor does one with what is no base64url: it was sent without script."""
    assert assertion_of(form({**signed_fields(passkey()), field: value})) is None
    assert registration_of(form({})) is None


def test_fields_have_room_for_the_longest_that_the_gate_takes() -> None:
    """An RSA key and its signature, and a form that fits a body of 16 KiB."""
    longest = {field.name: field.longest for field in PASSKEY_FIELDS}
    rsa = VirtualPasskey(ORIGIN, SITE, "RS256", credential=b"c" * 1023)
    for name, value in {**made_fields(rsa), **signed_fields(rsa)}.items():
        assert len(value) <= longest[name]
    assert longest["client_data"] + longest["attestation"] < 15 * 1024


def test_script_is_small_and_asks_for_what_the_gate_takes() -> None:
    """Three algorithms, a passkey that names its person, and the person verified; it runs strictly, and warns in no window."""
    script = static_files()["passkey.js"].body.decode()
    assert len(script) < 3072
    assert "[-7, -8, -257]" in script
    for needed in ('residentKey: "required"', 'userVerification = "required"', 'attestation: "none"', "requestSubmit"):
        assert needed in script
    assert not re.search(r"\b(alert|confirm|prompt|eval|innerHTML)\b", script)
