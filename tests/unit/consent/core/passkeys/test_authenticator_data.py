"""Authenticator data are read to their last byte, and only of this site with the person there."""

from __future__ import annotations

import pytest

from consent.core.passkeys.authenticator_data import LONGEST_AUTHENTICATOR_DATA, read_authenticator_data
from consent.errors import PasskeyError
from tests.support.passkey_site import SITE
from tests.support.virtual_passkey import UP, UV

THERE = UP | UV


def stated(flags: int = THERE, count: int = 7, rest: bytes = b"") -> bytes:
    """Return what an authenticator states in an assertion."""
    return SITE.id_sha256 + bytes([flags]) + count.to_bytes(4, "big") + rest


def test_counter_is_read() -> None:
    """All four bytes of it."""
    assert read_authenticator_data(stated(count=2**32 - 1), SITE, is_new=False).sign_count == 2**32 - 1


def test_extensions_pass_where_the_flags_say_so() -> None:
    """One map, whatever it holds, and nothing behind it."""
    assert read_authenticator_data(stated(THERE | 0x80, rest=b"\xa0"), SITE, is_new=False).sign_count == 7
    for rest in (b"", b"\xa0\x00", b"\x00", b"\xbf\xff"):
        with pytest.raises(PasskeyError):
            read_authenticator_data(stated(THERE | 0x80, rest=rest), SITE, is_new=False)


@pytest.mark.parametrize(
    "data",
    [b"", stated()[:36], stated(rest=b"\x00"), stated(rest=bytes(LONGEST_AUTHENTICATOR_DATA)), bytes(32) + stated()[32:]],
    ids=["nothing", "truncated", "trailing", "long", "another site"],
)
def test_other_data_are_refused(data: bytes) -> None:
    """Also where only a byte is too much."""
    with pytest.raises(PasskeyError):
        read_authenticator_data(data, SITE, is_new=False)


@pytest.mark.parametrize("flags", [0, UP, UV])
def test_nobody_there_is_refused(flags: int) -> None:
    """Present and verified, both."""
    with pytest.raises(PasskeyError, match="who is there"):
        read_authenticator_data(stated(flags), SITE, is_new=False)
