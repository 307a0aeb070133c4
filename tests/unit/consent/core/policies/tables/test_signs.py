"""Signs at the city's own sensors: what policies may say of them, and that each fault is one line with file and key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.policies.notice import notice_of
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Sign
from consent.errors import PolicyError
from tests.support.consent_samples import CITY, policies, small_city

SIGN = """[sign.NQ3]
zone = "mill"
profile = "meter"
text = { en = "On the lamp post", pt = "No candeeiro" }
"""


def signed(text: str, *changes: tuple[str, str]) -> dict[str, bytes]:
    """Return the small city with tables at its end."""
    files = small_city(*changes)
    return {**files, "city.toml": files["city.toml"] + text.encode()}


def fault(text: str, *changes: tuple[str, str]) -> str:
    """Return why the small city with some tables more is refused."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(signed(text, *changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sign_is_read_as_it_is_written() -> None:
    """Zone, profile and place; two signs may stand for the same place."""
    found = parse_policies(signed(SIGN + SIGN.replace("NQ3", "04"))).signs
    text = {"en": "On the lamp post", "pt": "No candeeiro"}
    assert found == {"NQ3": Sign("NQ3", "mill", "meter", text), "04": Sign("04", "mill", "meter", text)}


def test_city_without_signs_is_as_it_was() -> None:
    """Sets of earlier versions have none, and the same name."""
    city = policies()
    assert city.signs == {}
    assert city.sha256 == parse_policies({"city.toml": CITY.encode(), **_others()}).sha256


def _others() -> dict[str, bytes]:
    return {path: text for path, text in small_city().items() if path != "city.toml"}


def test_signs_are_no_terms_of_a_flow() -> None:
    """Nobody is asked again because a sign was put up."""
    before, after = policies(), parse_policies(signed(SIGN))
    assert all(notice_of(before.terms_for(flow)) == notice_of(after.terms_for(flow)) for flow in before.flows)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("sign.NQ3", "sign.nq3", "`sign.nq3`: `nq3` is no name of a sign: 2 to 12 capital letters and digits"),
        ("sign.NQ3", "sign.N", "`sign.N`: `N` is no name of a sign: 2 to 12 capital letters and digits"),
        ("sign.NQ3", 'sign."N/3"', "`sign.N/3`: `N/3` is no name of a sign: 2 to 12 capital letters and digits"),
        ("sign.NQ3", 'sign."NÑ3"', "`sign.NÑ3`: `NÑ3` is no name of a sign: 2 to 12 capital letters and digits"),
        ('zone = "mill"', 'zone = "moon"', "`sign.NQ3.zone`: there is no zone `moon`"),
        ('zone = "mill"\n', "", "`sign.NQ3.zone`: is missing"),
        (
            'profile = "meter"',
            'profile = "radar"',
            "`sign.NQ3.profile`: `radar` is no device profile in force, as `use.devices` names them",
        ),
        ('profile = "meter"', "profile = 5", "`sign.NQ3.profile`: should be text, not a whole number"),
        (', pt = "No candeeiro"', "", "`sign.NQ3.text.pt`: is missing"),
        ('pt = "No candeeiro"', 'pt = ""', "`sign.NQ3.text.pt`: should be a text of 1 to 2000 characters"),
        ('pt = "No candeeiro"', "pt = 5", "`sign.NQ3.text.pt`: should be text, not a whole number"),
        ('pt = "No candeeiro"', 'fr = "x"', "`sign.NQ3.text.fr`: is none of the city's languages, `en`, `pt`"),
        ('profile = "meter"', 'profile = "meter"\ndevice = "a4c138"', "`sign.NQ3.device`: is not a known key"),
    ],
)
def test_sign_with_a_fault_names_the_key(old: str, new: str, line: str) -> None:
    """Unknown zones and profiles, ids that no address can have, and a device by name, which no policy may hold."""
    assert fault(SIGN.replace(old, new)) == f"`city.toml`: {line}"


def test_sign_of_a_profile_that_the_city_does_not_use_is_refused() -> None:
    """The same profile that lies in the folder is not in force without its name in `[use]`."""
    files = signed("[use]\ndevices = []\n" + SIGN)
    del files["devices/meter.toml"]
    with pytest.raises(PolicyError, match="`meter` is no device profile in force"):
        parse_policies(files)


def test_signs_cut_short_at_any_byte_are_refused_in_one_line_or_are_whole() -> None:
    """A copy that was broken off: a sign that is left is as it was."""
    text = SIGN + SIGN.replace("NQ3", "MH2")
    whole = parse_policies(signed(text)).signs
    for end in range(len(text)):
        try:
            line, left = "", parse_policies(signed(text[:end])).signs
        except PolicyError as error:
            line, left = str(error), {}
        assert left.items() <= whole.items()
        assert not line or (line.startswith("`city.toml`: ") and len(line.splitlines()) == 1)


@given(st.text(max_size=16))
def test_only_short_names_of_capitals_and_digits_are_signs(name: str) -> None:
    """Whatever else somebody writes is refused in a line, and nothing else comes of it."""
    key = "".join(f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}" for letter in name)
    files = signed(SIGN.replace("NQ3", f'"{key}"'))
    if re.fullmatch("[A-Z0-9]{2,12}", name, re.ASCII):
        assert set(parse_policies(files).signs) == {name}
    else:
        with pytest.raises(PolicyError) as caught:
            parse_policies(files)
        assert len(str(caught.value).splitlines()) == 1
