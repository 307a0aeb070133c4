"""The registry of the formats that devices write, each with the compiler of a device profile into its decoder.

A new format is a name in ``consent.core.profiles.profile.Codec``, a module beside this one, and a line in the table. Its compiler
refuses what a profile may not declare in that format, with a ``PolicyError`` that names file and key: policies that contain such
a profile are never put in force.

A decoder is compiled once per profile, when policies are put in force. It is given topic, payload and time of receipt, reads the
fields that the profile declares and no others, and never raises, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from consent.core.profiles.profile import Codec, Compression, Profile
from gateway.core.codecs.cbor_map import compile_cbor
from gateway.core.codecs.envelopes.chirpstack import compile_chirpstack_3, compile_chirpstack_4
from gateway.core.codecs.envelopes.fiware_json import compile_fiware_json
from gateway.core.codecs.envelopes.helium import compile_helium
from gateway.core.codecs.envelopes.things_stack import compile_things_stack_3
from gateway.core.codecs.gzipped import compile_gzip
from gateway.core.codecs.json_map import compile_json
from gateway.core.codecs.line_protocol import compile_line_protocol
from gateway.core.codecs.one_value import compile_one_value
from gateway.core.codecs.senml.wire import compile_senml, compile_senml_cbor
from gateway.core.codecs.ultralight import compile_ultralight
from gateway.core.model import Decoder

COMPILERS: Final[dict[Codec, Callable[[Profile], Decoder]]] = {
    Codec.JSON: compile_json,
    Codec.CBOR: compile_cbor,
    Codec.SENML: compile_senml,
    Codec.SENML_CBOR: compile_senml_cbor,
    Codec.VALUE: compile_one_value,
    Codec.ULTRALIGHT: compile_ultralight,
    Codec.LINE_PROTOCOL: compile_line_protocol,
    Codec.CHIRPSTACK_3: compile_chirpstack_3,
    Codec.CHIRPSTACK_4: compile_chirpstack_4,
    Codec.THINGS_STACK_3: compile_things_stack_3,
    Codec.HELIUM: compile_helium,
    Codec.FIWARE_JSON: compile_fiware_json,
}


def compile_decoder(profile: Profile) -> Decoder:
    """Compile a profile into the function that decodes the frames of its devices.

    Raises:
        PolicyError: The profile declares something that its format cannot do, or contradicts itself.
    """
    decode = COMPILERS[profile.codec](profile)
    return compile_gzip(decode) if profile.compression is Compression.GZIP else decode
