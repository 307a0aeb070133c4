"""The registry of the formats that devices write, each with the compiler of a device profile into its decoder.

A new format is a name in ``consent.core.policies.policy.Codec``, a module beside this one, and a line in the table. Its compiler
refuses what a profile may not declare in that format, with a ``PolicyError`` that names file and key: policies that contain such
a profile are never put in force.

A decoder is compiled once per profile, when policies are put in force. It is given topic, payload and time of receipt, reads the
fields that the profile declares and no others, and never raises, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from consent.core.profiles.profile import Codec, Profile
from gateway.core.codecs.cbor_map import compile_cbor
from gateway.core.codecs.json_map import compile_json
from gateway.core.codecs.senml.wire import compile_senml, compile_senml_cbor
from gateway.core.model import Decoder

COMPILERS: Final[dict[Codec, Callable[[Profile], Decoder]]] = {
    Codec.JSON: compile_json,
    Codec.CBOR: compile_cbor,
    Codec.SENML: compile_senml,
    Codec.SENML_CBOR: compile_senml_cbor,
}


def compile_decoder(profile: Profile) -> Decoder:
    """Compile a profile into the function that decodes the frames of its devices.

    Raises:
        PolicyError: The profile declares something that its format cannot do, or contradicts itself.
    """
    return COMPILERS[profile.codec](profile)
