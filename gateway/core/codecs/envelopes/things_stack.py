"""Messages of The Things Stack, version 3, in JSON: `v3/<application>/devices/<device>/up` and its neighbours.

An uplink is what has `uplink_message`; the values that its payload formatter decoded stand in `decoded_payload`. Simulated
uplinks, which an operator makes in the console, are no readings. Empty fields are left out, so that an absent `f_cnt` is 0.

Source: The Things Stack documentation, "Data Formats".
"""

from __future__ import annotations

from typing import Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.envelopes.envelope import Document, Envelope, compile_envelope
from gateway.core.model import Decoder

_CONTENT: Final = frozenset({"f_port", "frm_payload", "decoded_payload"})


def compile_things_stack_3(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``things-stack-3``.

    Raises:
        PolicyError: A path of it is none.
    """
    return compile_envelope(profile, _ENVELOPE)


def _is_uplink(_topic: str, document: Document) -> bool:
    uplink = document.get("uplink_message")
    return type(uplink) is dict and not _CONTENT.isdisjoint(uplink) and document.get("simulated") is not True


_ENVELOPE: Final = Envelope("uplink_message.decoded_payload", frozenset({"uplink_message", "simulated"}), _is_uplink)
