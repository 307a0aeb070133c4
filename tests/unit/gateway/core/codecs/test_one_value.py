"""Payloads that are one value: numbers as firmware writes them, words, and that nothing is ever raised."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec, Field
from gateway.core import model
from gateway.core.model import Ignore, Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile

NOW_MS = 1_731_110_400_000
PROFILE = make_profile(Codec.VALUE, {"temperature": ""})
WORDS = replace(
    PROFILE, fields={"occupancy": Field(("",), "1", words={"ON": Decimal(1), "OFF": Decimal(0)}, none=("unavailable",))}
)
COMMA = replace(PROFILE, fields={"temperature": Field(("",), "1", decimal_mark=",")})


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        *(
            (b"21.5", 21.5),
            (b" 21.5\r\n\0", 21.5),
            (b"+021", 21),
            (b"-.5", -0.5),
            (b"5.", 5),
            (b"1e3", 1000),
            (b"\xef\xbb\xbf7", 7),
        ),
        (b'"21.5"', model.WRONG_TYPE),
        *((b"ON", model.WRONG_TYPE), (b"21,5", model.WRONG_TYPE), (b"0x10", model.WRONG_TYPE), (b"1" * 65, model.WRONG_TYPE)),
        *((b"", model.NO_READING), (b"null", model.NO_READING), (b"\xff", model.MALFORMED), (b"1" * 300, model.MALFORMED)),
        *((b"nan", model.WRONG_TYPE), (b"1e999", model.NOT_FINITE), ("٣".encode(), model.WRONG_TYPE)),
    ],
)
def test_payload_is_the_value(payload: bytes, value: float | Reject) -> None:
    """Or the reason why it is none."""
    wanted = Reading(None, None, False, [Observation("temperature", NOW_MS, value)]) if not isinstance(value, Reject) else value
    assert decoder(PROFILE)(payload, NOW_MS) == wanted


def test_words_and_commas_are_read_where_the_profile_says_so() -> None:
    """A point is then no number, since it could stand between thousands."""
    assert decoder(WORDS)(b'"ON"', NOW_MS) == Reading(None, None, False, [Observation("occupancy", NOW_MS, 1)])
    assert decoder(WORDS)(b"unavailable", NOW_MS) is model.NO_VALUE
    assert decoder(COMMA)(b"21,5", NOW_MS) == Reading(None, None, False, [Observation("temperature", NOW_MS, 21.5)])
    assert decoder(COMMA)(b"1.234", NOW_MS) is model.WRONG_TYPE
    assert decoder(COMMA)(b"21", NOW_MS) == Reading(None, None, False, [Observation("temperature", NOW_MS, 21)])


@given(st.binary(max_size=80))
def test_any_bytes_give_a_reading_or_a_reason(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    for profile in (PROFILE, WORDS, COMMA):
        outcome = decoder(profile)(payload, NOW_MS)
        assert isinstance(outcome, Reading | Ignore | Reject)
        if isinstance(outcome, Reading):
            assert {each.observed_property for each in outcome.observations} <= profile.fields.keys()
