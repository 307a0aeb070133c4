"""A household as its resident's pages are shown it, and forms that a passkey in software has answered."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from consent.citizen_messages import EnrolmentShown, HomeShown, PasskeyShown, ProofWanted, SessionShown
from consent.core.decide import Owner
from consent.messages import Hex, Id, OwnDevice, ResidentShown
from consent.portal.gates.public import GateRefusedError
from tests.support.portal import NOW_MS, SaidHome
from tests.support.virtual_passkey import VirtualPasskey

DAY_MS = 86_400_000
ORIGIN, SITE = "https://testserver", "testserver"
CHALLENGE = Hex(bytes(range(100, 132)))
PROOF = ProofWanted(challenge=CHALLENGE, relying_party=SITE, allow=[b"\xfa\xfb\xfc" * 6])
MINE, OTHER = Id(b"\x01" * 16), Id(b"\x02" * 16)
PASSKEY_NAME, SESSION_NAME, OTHER_SESSION = Hex(b"\x0a" * 32), Hex(b"\x0b" * 16), Hex(b"\x0c" * 16)


def resident(of: Id = MINE, days: int = 30, *, claimed: bool = True) -> ResidentShown:
    """Return somebody who speaks for the home since so many days."""
    return ResidentShown(resident=of, since_ms=NOW_MS - days * DAY_MS, claimed=claimed)


def sensor(profile: str = "meter", zone: str = "north-quay", owner: Owner = Owner.CITY) -> OwnDevice:
    """Return a sensor in it."""
    return OwnDevice(device=Id(b"\x03" * 16), profile=profile, zone=zone, owner=owner, since_ms=NOW_MS - 20 * DAY_MS)


def passkey_shown(**others: Any) -> PasskeyShown:
    """Return a passkey."""
    usual: dict[str, Any] = {
        "passkey": PASSKEY_NAME,
        "credential": b"c" * 16,
        "since_ms": NOW_MS - 9 * DAY_MS,
        "how": "letter",
        "log_index": 2405,
        "yes_from_ms": 0,
        "used_ms": 0,
    }
    return PasskeyShown(**{**usual, **others})


def session_shown(**others: Any) -> SessionShown:
    """Return the session that asks."""
    usual: dict[str, Any] = {
        "session": SESSION_NAME,
        "kind": "passkey",
        "since_ms": NOW_MS - 1000,
        "ends_ms": NOW_MS + DAY_MS // 2,
        "is_this": True,
    }
    return SessionShown(**{**usual, **others})


def enrolment(**others: Any) -> EnrolmentShown:
    """Return a way in that came to be."""
    usual: dict[str, Any] = {
        "is_own": True,
        "what": "passkey",
        "how": "letter",
        "time_ms": NOW_MS - 9 * DAY_MS,
        "log_index": 2405,
    }
    return EnrolmentShown(**{**usual, **others})


def home_shown(**others: Any) -> HomeShown:
    """Return a household of one, with a meter, a passkey and a paper code."""
    usual: dict[str, Any] = {
        "resident": MINE,
        "session": session_shown(),
        "residents": [resident()],
        "devices": [sensor()],
        "messages": [],
        "claim_codes": 0,
        "enrolments": [enrolment()],
        "passkeys": [passkey_shown()],
        "sessions": [session_shown()],
        "paper_since_ms": NOW_MS - 9 * DAY_MS,
    }
    return HomeShown(**{**usual, **others})


def said_home(home: HomeShown | None = None, **says: object) -> SaidHome:
    """Return a door that shows a household, and answers methods; `act_challenge` is `act.challenge`."""
    return SaidHome({"home.show": home or home_shown(), **{name.replace("_", "."): said for name, said in says.items()}})


def refused(reason: str) -> GateRefusedError:
    """Return a refusal that gives its reason."""
    return GateRefusedError("the gate says why in its own words", reason)


# what the script fills in


def passkey() -> VirtualPasskey:
    """Return a passkey of this site."""
    return VirtualPasskey(ORIGIN, SITE)


def made_fields(made: VirtualPasskey, challenge: bytes = CHALLENGE) -> dict[str, str]:
    """Return the fields of a form that had a passkey made."""
    client_data, attestation = made.create(challenge)
    return {"client_data": written(client_data), "attestation": written(attestation)}


def signed_fields(signing: VirtualPasskey, challenge: bytes = CHALLENGE) -> dict[str, str]:
    """Return the fields of a form that had a passkey answer."""
    client_data, authenticator_data, signature = signing.get(challenge)
    return {
        "credential": written(signing.credential),
        "client_data": written(client_data),
        "authenticator_data": written(authenticator_data),
        "signature": written(signature),
    }


def written(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def read(text: str) -> bytes:
    """Return the bytes of it."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
