"""What policies leave unsaid is asked for, by key, and with what a page would lack; what is said is not asked for again."""

from __future__ import annotations

from consent.core.decide import Owner
from consent.core.policies.parse import parse_policies
from consent.core.review.unsaid import unsaid_in, without_a_sign
from consent.core.review.warnings import Weight
from tests.support.checkout import ROOT
from tests.support.consent_samples import policies, small_city
from tests.support.policy_folder import load_policies

STATION = 'title = { en = "Station", pt = "Estação" }\ncodec = "json"\n[fields.LAeq]\npath = "level"\nunit = "dB"\n'
SHIPPED = load_policies(ROOT / "policies")


def sign(profile: str) -> str:
    """Return a sign at a sensor in the mill."""
    return f'[sign.M1]\nzone = "mill"\nprofile = "{profile}"\ntext = {{ en = "Here", pt = "Aqui" }}\n'


def lines(*changes: tuple[str, str], more: str = "") -> list[str]:
    """Return what is asked for of the small city, with a station and with changes."""
    files = small_city(*changes, files={"devices/station.toml": STATION.encode()})
    return [str(note) for note in unsaid_in(parse_policies({**files, "city.toml": files["city.toml"] + more.encode()}))]


def test_shipped_city_says_everything() -> None:
    """It is what others copy."""
    assert list(unsaid_in(SHIPPED)) == []


def test_what_is_missing_is_asked_for_with_what_a_page_lacks() -> None:
    """Of each recipient, of each purpose that rests on consent, and of the city's own sensors."""
    where, call = (
        "the page of a flow to it, and signs, cannot say where to ask",
        "whoever stands before a sign, or has no computer,",
    )
    assert lines() == [
        f"warning: `city.toml`: `{key}`: is missing: {lacks}"
        for key, lacks in (
            ("recipient.office.contact", where),
            ("recipient.office.telephone", f"{call} finds no number to call"),
            ("recipient.public.contact", where),
            ("recipient.public.telephone", f"{call} finds no number to call"),
            ("purpose.energy.if_no", "whoever is asked is not told what happens after a no"),
            ("sign", "no page tells whoever stands before a sensor of the city's what it measures"),
        )
    ]


def test_what_is_said_is_not_asked_for() -> None:
    """Key by key."""
    key = '"keys/office.pub"\n'
    said = lines((key, f'{key}contact = "office@town.example"\ntelephone = "+34 555 010 010"\n'), more=sign("station"))
    assert [line for line in said if "recipient.office" in line or "`sign" in line] == []
    assert len(said) == 3


def test_city_without_sensors_of_its_own_needs_no_sign() -> None:
    """The small city's meter measures homes alone."""
    assert not any("`sign`" in str(note) for note in unsaid_in(policies()))


def test_sign_at_what_only_homes_have_is_warned_of() -> None:
    """Its page would tell of nothing."""
    (line,) = [line for line in lines(more=sign("meter")) if "`sign" in line]
    assert line == (
        "warning: `city.toml`: `sign.M1.profile`: no flow of a public task asks for anything that `meter` measures: "
        "its page tells that nothing leaves"
    )


def test_sensor_of_the_citys_without_a_sign_is_noted() -> None:
    """By kind and zone, and a few of many; homes' sensors need none."""
    at = [("mill", "station"), ("chapel", "station")]
    signed = parse_policies(
        {
            **(files := small_city(files={"devices/station.toml": STATION.encode()})),
            "city.toml": files["city.toml"] + sign("station").encode(),
        }
    )
    (note,) = without_a_sign(signed, [(Owner.CITY, place) for place in at] * 2 + [(Owner.RESIDENT, ("chapel", "meter"))])
    assert (note.weight, note.key, note.message) == (Weight.NOTE, "sign", "there is none at the city's own `station` in `chapel`")
    assert not list(without_a_sign(signed, [(Owner.CITY, at[0])]))
    assert not list(without_a_sign(policies(), [(Owner.CITY, at[0])])), "a city without signs is asked for them as a whole"
    many = [(Owner.CITY, (f"zone-{number}", "station")) for number in range(8)]
    (note,) = without_a_sign(signed, many)
    assert note.message.endswith("`station` in `zone-4` and 3 more")
