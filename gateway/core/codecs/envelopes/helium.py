"""Messages of the Helium Console's integrations in JSON: an uplink with the hotspots that heard it, and what a function decoded.

What is of another `type` than `uplink` (older consoles name none) is no reading. The decoded values stand in `decoded.payload`.
The same uplink may come once for each hotspot that heard it late, with the same `fcnt`; admission tells those apart.

Source: Helium documentation, Console integrations, "JSON Schema".
"""

from __future__ import annotations

from typing import Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.envelopes.envelope import Document, Envelope, compile_envelope
from gateway.core.model import Decoder

_CONTENT: Final = frozenset({"payload", "decoded", "port"})


def compile_helium(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``helium``.

    Raises:
        PolicyError: A path of it is none.
    """
    return compile_envelope(profile, _ENVELOPE)


def _is_uplink(_topic: str, document: Document) -> bool:
    return document.get("type") in (None, "uplink") and not _CONTENT.isdisjoint(document)


_ENVELOPE: Final = Envelope("decoded.payload", _CONTENT | {"type"}, _is_uplink)
