"""The decoders of SenML: packs as JSON with short labels, or as CBOR with numbers for the same labels.

Both come to the records that ``pack`` and ``records`` read.

Source: RFC 8428, sections 4 to 6.
"""

from __future__ import annotations

import msgspec

from consent.core.profiles.profile import Profile
from gateway.core.codecs.json_map import NotJsonError, parse_json
from gateway.core.codecs.senml.cbor import NoPackError, PackBytesError, parse_pack
from gateway.core.codecs.senml.pack import Record
from gateway.core.codecs.senml.records import compile_records
from gateway.core.model import MALFORMED, WRONG_TYPE, Decoded, Decoder


def compile_senml(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``senml``.

    Raises:
        PolicyError: The profile contradicts itself, or asks for what packs lack.
    """
    parse = msgspec.json.Decoder(list[Record]).decode
    read = compile_records(profile)

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            records = parse(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                records = parse_json(payload)
            except NotJsonError as error:
                return error.reject
            if type(records) is not list or not all(type(record) is dict for record in records):
                return WRONG_TYPE
        return read(topic, records, received_ms)

    return decode


def compile_senml_cbor(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``senml-cbor``.

    Raises:
        PolicyError: As for ``compile_senml``.
    """
    read = compile_records(profile)

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            records = parse_pack(payload)
        except NoPackError:
            return WRONG_TYPE
        except PackBytesError:
            return MALFORMED
        return read(topic, records, received_ms)

    return decode
