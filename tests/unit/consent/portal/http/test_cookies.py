"""The portal's cookies: what is taken for one, and how each is set."""

from __future__ import annotations

import pytest

from consent.portal.http.cookies import (
    GUARD,
    SENT,
    SESSION,
    cookies_of,
    ended_cookie,
    guard_cookie,
    is_ours,
    new_secret,
    sent_cookie,
    session_cookie,
)


def test_only_what_can_be_a_cookie_of_ours_is_taken_for_one() -> None:
    """The first of a name, whole; nothing else that a browser or someone else says."""
    value, other = new_secret(), new_secret()
    said = f"a=b; {SESSION}={value}; {SESSION}={other}; {GUARD}=short; {SENT}={'0' * 32}; sluice={other}"
    assert cookies_of([(b"cookie", said.encode()), (b"x", b"y")]) == {SESSION: value, SENT: "0" * 32}
    assert cookies_of([(b"cookie", f"{SESSION}={value}%00".encode()), (b"cookie", b"\xff=\xff")]) == {}


@pytest.mark.parametrize(
    "header", [session_cookie("a" * 43, 60), guard_cookie("a" * 43), sent_cookie("0" * 32), ended_cookie(SESSION)]
)
def test_every_cookie_is_for_tls_for_this_host_and_for_no_script(header: str) -> None:
    """And passes what lets no other cookie pass."""
    assert is_ours(header.encode())
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite="):
        assert part in header
    assert "Domain" not in header


@pytest.mark.parametrize(
    "header",
    [
        "a=b",
        f"{SESSION}={'a' * 43}",
        f"{SESSION}={'a' * 43}; Path=/; Secure; HttpOnly; SameSite=None",
        f"{SESSION}={'a' * 43}; Path=/; Secure; HttpOnly; SameSite=Lax; Domain=ribera.example",
        f"x{guard_cookie('a' * 43)}",
        f"{guard_cookie('a' * 43)}\r\nx: y",
        session_cookie("a" * 43, 60).replace("Secure; ", ""),
    ],
)
def test_nothing_else_is_let_through(header: str) -> None:
    """Not another name, and not one of ours in another way."""
    assert not is_ours(header.encode())


def test_no_two_are_alike() -> None:
    """32 random bytes each."""
    assert len({new_secret() for _ in range(100)}) == 100
    assert {len(new_secret()) for _ in range(20)} == {43}
