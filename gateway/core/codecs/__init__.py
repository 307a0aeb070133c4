"""Codecs: the bytes of a frame in, a reading or a rejection out.

A decoder is compiled once per profile, when policies are put in force. It reads the fields that the profile declares and
no others, and it never raises, whatever the bytes.
"""

from __future__ import annotations

from consent.core.policies.policy import Codec, Profile
from gateway.core.codecs.cbor_map import compile_cbor
from gateway.core.codecs.json_map import compile_json
from gateway.core.codecs.senml import compile_senml
from gateway.core.model import Decoder

_COMPILERS = {Codec.JSON: compile_json, Codec.CBOR: compile_cbor, Codec.SENML: compile_senml}


def compile_decoder(profile: Profile) -> Decoder:
    """Compile a profile into the function that decodes the frames of its devices.

    Raises:
        PolicyError: The field map contradicts itself.
    """
    return _COMPILERS[profile.codec](profile)
