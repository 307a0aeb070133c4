"""Events of ChirpStack's MQTT integration, versions 3 and 4, in JSON: `application/…/device/…/event/up` and its neighbours.

An uplink has `fPort` and `data`, and `object` where the server has a codec for the device. In version 3 that object may come as
text (`objectJSON`), bytes such as the DevEUI in base64, and neither time nor address are told before 3.17; uplinks may also be
under `rx`. Both leave out what is zero, so that an absent `fCnt` is 0.

Source: ChirpStack documentation, "Event types" (version 4); `integration.proto` of chirpstack-api 3.8 to 3.12 with the JSON forms
of Protocol Buffers (version 3).
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.envelopes.envelope import Document, Envelope, compile_envelope
from gateway.core.codecs.json_map import NotJsonError, parse_json
from gateway.core.model import MALFORMED, Decoder, Reject

_CONTENT: Final = frozenset({"fPort", "data", "object", "objectJSON"})
_OTHER: Final = frozenset({"integrationName", "error"})
_EUI_BYTES: Final = 8
_EUI_IN_BASE64: Final = 12


def compile_chirpstack_3(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``chirpstack-3``.

    Raises:
        PolicyError: A path of it is none.
    """
    return compile_envelope(profile, _VERSION_3)


def compile_chirpstack_4(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``chirpstack-4``.

    Raises:
        PolicyError: A path of it is none.
    """
    return compile_envelope(profile, _VERSION_4)


def _is_uplink(topic: str, document: Document) -> bool:
    """Return whether an event carries a message of a device: by its topic, where that still says so, and by its content."""
    levels = topic.rsplit("/", 2)
    if levels[-2:-1] == ["event"] and levels[-1] != "up":
        return False
    return not _CONTENT.isdisjoint(document) and _OTHER.isdisjoint(document)


def _arrange_3(document: Document) -> Reject | None:
    """Bring both ways of writing version 3 to one: the object parsed, the DevEUI in hexadecimal, a run for who names none."""
    text = document.get("objectJSON")
    if type(text) is str and text and document.get("object") is None:
        try:
            document["object"] = parse_json(text.encode())
        except (NotJsonError, UnicodeEncodeError):
            return MALFORMED
    if document.get("devAddr") is None:
        document["devAddr"] = ""
    eui = document.get("devEUI")
    if type(eui) is str and len(eui) == _EUI_IN_BASE64:
        try:
            raw = b64decode(eui, validate=True)
        except (Base64Error, ValueError):
            raw = b""
        if len(raw) == _EUI_BYTES:
            document["devEUI"] = raw.hex()
    return None


_VERSION_3: Final = Envelope("object", _CONTENT | _OTHER, _is_uplink, _arrange_3)
_VERSION_4: Final = Envelope("object", _CONTENT | _OTHER, _is_uplink)
