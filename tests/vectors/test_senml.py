"""SenML packs: our own vectors of what RFC 8428 makes of them, and of what it forbids."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from consent.core.profiles.profile import Codec
from gateway.core.codecs.senml.pack import PackError, resolve
from gateway.core.model import NO_READING, Observation, Reading, Reject
from tests.support.judged import misjudged
from tests.support.profiles import decoder, make_profile
from tests.vectors.generator.files import load

_VECTORS = load("senml.json")
_NOW_S: float = _VECTORS["now_s"]
_decode = decoder(make_profile(Codec.SENML, {"temperature": ("temperature", "Cel")}))


def _pack(case: Any) -> bytes:
    return json.dumps(case["pack"]).encode()


@pytest.mark.parametrize("case", _VECTORS["resolved"], ids=lambda case: str(case["what"]))
def test_pack_resolves_to_the_records_of_the_rfc(case: Any) -> None:
    """Base names, times, units, values and sums are applied; times before 2**28 count from now."""
    assert resolve(case["pack"], _NOW_S) == case["resolved"]


@pytest.mark.parametrize("case", _VECTORS["resolved"], ids=lambda case: str(case["what"]))
def test_pack_is_decoded_as_it_resolves(case: Any) -> None:
    """The records called temperature become observations of those values at those times, to the millisecond."""
    named = [one for one in case["resolved"] if one["n"].replace("/", ":").split(":")[-1] == "temperature" and "v" in one]
    expected = [Observation("temperature", round(one["t"] * 1000), one["v"]) for one in named]
    reading = _decode(_pack(case), round(_NOW_S * 1000))
    if isinstance(reading, Reading):
        assert reading.observations == expected
    else:
        assert (reading, expected) == (NO_READING, [])


def test_packs_that_the_rfc_forbids_are_refused() -> None:
    """Names, types, one value each, the version, and labels that must be understood; by the resolver and by the decoder."""
    refused = _VECTORS["refused"]
    assert len(refused) == 26
    cases = [(case["what"], False, partial(resolve, case["pack"], _NOW_S)) for case in refused]
    assert misjudged(cases, PackError) == []
    assert [case["what"] for case in refused if not isinstance(_decode(_pack(case), 0), Reject)] == []
