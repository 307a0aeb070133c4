"""Paper codes: hold eighty bits, and are known again however a person types them."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.passkeys.codes import RANDOM_BYTES, paper_code, paper_sha256, plain_code

_RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(_RANDOM)
def test_code_is_of_four_groups_without_letters_that_look_like_digits(random: bytes) -> None:
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}", paper_code(random))


@given(st.sets(_RANDOM, min_size=2, max_size=2))
def test_each_has_its_own_code(randoms: set[bytes]) -> None:
    assert len({paper_code(random) for random in randoms}) == len({paper_sha256(paper_code(random)) for random in randoms}) == 2


@given(_RANDOM)
def test_code_is_known_however_it_was_typed(random: bytes) -> None:
    code = paper_code(random)
    for typed in (
        code.lower(),
        code.replace("-", ""),
        f" {code.replace('-', ' – ')}\t",
        code.replace("0", "o").replace("1", "l"),
    ):
        assert paper_sha256(typed) == paper_sha256(code)
        assert plain_code(typed) == code


def test_code_and_hash_are_as_documented() -> None:
    assert paper_code(bytes(10)) == "0000-0000-0000-0000"
    assert paper_code(bytes(9) + b"\x1f") == "0000-0000-0000-000Z"
    assert paper_code(b"\xff" * 10) == "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    assert paper_sha256("k7qm-4t2x-9rhd-0b5z") == sha256(b"sluice paper code K7QM4T2X9RHD0B5Z").digest()


@pytest.mark.parametrize(
    "typed", ["", "K7QM", "K7QM-4T2X-9RHD-0B5", "K7QM-4T2X-9RHD-0B5ZZ", "K7QM-4T2X-9RHD-0B5U", "ß" * 16, "0" * 200]
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="four groups"):
        paper_sha256(typed)
    with pytest.raises(ValueError, match="four groups"):
        plain_code(typed)


def test_code_of_too_few_bytes_is_not_made() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        paper_code(bytes(9))
