"""Messages of the citizens' door: what a page sends is what the gateway reads, and nothing else goes through."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from msgspec import UNSET

from consent.citizen_messages import ActProved, Assertion, CodeConfirmed, ConsentWanted, LessWanted, SessionNamed
from consent.errors import ControlRequestError
from consent.messages import Hex, Parameters, decode, encode

CHALLENGE = "5a" * 32


def test_bytes_of_a_passkey_stand_as_base64_and_hashes_as_hexadecimal() -> None:
    """As browsers hand over the one, and people compare the other."""
    assertion = Assertion(credential=b"c", client_data=b"{}", authenticator_data=b"\xff\xfe", signature=b"s")
    sent = json.loads(encode(CodeConfirmed(code="K7QM", challenge=Hex.parse(CHALLENGE))))
    assert sent == {"code": "K7QM", "challenge": CHALLENGE}
    assert json.loads(encode(assertion))["authenticator_data"] == b64encode(b"\xff\xfe").decode()
    assert decode(encode(assertion), Assertion) == assertion


def test_what_is_left_out_is_as_little_as_can_be() -> None:
    """No scope is everything that was said yes to; no limits are none; no session is the one that asks."""
    assert decode(b'{"step":"pause"}', LessWanted) == LessWanted(step="pause", scope="")
    assert decode(b'{"scope":"f"}', ConsentWanted) == ConsentWanted(scope="f", resume=False)
    assert decode(b"{}", SessionNamed).session is UNSET
    assert decode(b"{}", ActProved) == ActProved(proof=UNSET, paper_code="")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b'{"step":"grant"}', LessWanted),
        (b'{"step":"pause","subject":"00"}', LessWanted),
        (b'{"scope":"f","channel":"passkey"}', ConsentWanted),
        (b'{"code":"K7QM","challenge":"zz"}', CodeConfirmed),
        (b'{"proof":"yes"}', ActProved),
    ],
)
def test_what_is_none_of_it_is_refused(text: bytes, kind: type[Parameters]) -> None:
    """A step that tells more, a household or a channel cannot be named here."""
    with pytest.raises(ControlRequestError):
        decode(text, kind)
