"""`portal.db`: who has it has nobody's session; what is broken signs nobody in."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consent.citizen_messages import SessionOpened
from consent.portal.http.cookies import new_secret
from consent.portal.sessions import store
from consent.portal.sessions.store import FILE_NAME, WebSessions

TOKEN = "c0ffee" * 10 + "c0ff"
HOUR_MS = 3_600_000


@dataclass
class Clock:
    """A clock that a test moves."""

    ms: int = 1_796_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> Iterator[WebSessions]:
    """Sessions in a file."""
    opened = WebSessions(tmp_path / "state", clock)
    yield opened
    opened.close()


def session(ends_ms: int, token: str = TOKEN) -> SessionOpened:
    """Return what a gateway answers."""
    return SessionOpened(token=token, kind="paper", ends_ms=ends_ms)


def test_session_is_found_by_its_cookie_until_it_ends(tmp_path: Path, clock: Clock, sessions: WebSessions) -> None:
    """Also after a restart of the portal; not a moment longer than the gateway said; and by no other cookie."""
    cookie = sessions.open(session(clock.ms + HOUR_MS))
    sessions.close()
    again = WebSessions(tmp_path / "state", clock)
    found = again.find(cookie)
    assert found is not None
    assert (found.token, found.kind, found.ends_ms) == (TOKEN, "paper", clock.ms + HOUR_MS)
    assert again.find(new_secret()) is None
    clock.ms += HOUR_MS
    assert again.find(cookie) is None
    again.close()


def test_file_opens_nothing(tmp_path: Path, clock: Clock, sessions: WebSessions) -> None:
    """Neither cookie nor token stands in it, in any form; and it is its owner's alone."""
    cookie = sessions.open(session(clock.ms + HOUR_MS))
    written = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    for secret in (cookie.encode(), TOKEN.encode(), bytes.fromhex(TOKEN)):
        assert secret not in written
    for file in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_row_under_another_name_or_with_another_end_opens_nothing(tmp_path: Path, clock: Clock, sessions: WebSessions) -> None:
    """Whoever can write the file cannot make a session last longer, or give one cookie another's."""
    first, second = (sessions.open(session(clock.ms + HOUR_MS, token * 64)) for token in "ab")
    rows = sqlite3.connect(tmp_path / "state" / FILE_NAME)
    with rows:
        rows.execute(
            "UPDATE session SET sealed = (SELECT sealed FROM session WHERE name = ?) WHERE name = ?",
            (store._name(second), store._name(first)),
        )
    assert sessions.find(first) is None
    with rows:
        rows.execute("UPDATE session SET ends_ms = ends_ms + 1 WHERE name = ?", (store._name(second),))
    assert sessions.find(second) is None
    with rows:
        rows.execute("UPDATE session SET sealed = x'00'")
    assert sessions.find(second) is None
    rows.close()


def test_rows_that_have_ended_are_deleted(tmp_path: Path, clock: Clock, sessions: WebSessions) -> None:
    """With what lay in them."""
    ended = sessions.open(session(clock.ms + HOUR_MS))
    left = sessions.open(session(clock.ms + 3 * HOUR_MS))
    sessions.end(left)
    clock.ms += 2 * HOUR_MS
    sessions.open(session(clock.ms + HOUR_MS))
    rows = sqlite3.connect(tmp_path / "state" / FILE_NAME)
    assert rows.execute("SELECT count(*) FROM session").fetchone() == (1,)
    rows.close()
    assert sessions.find(ended) is None


def test_session_that_is_extended_keeps_its_cookie_and_another_never_does(clock: Clock, sessions: WebSessions) -> None:
    """Whoever planted a cookie before a person came in has nothing of the session that follows."""
    cookie = sessions.open(session(clock.ms + HOUR_MS))
    assert sessions.open(session(clock.ms + 2 * HOUR_MS), cookie) == cookie
    found = sessions.find(cookie)
    assert found is not None
    assert found.ends_ms == clock.ms + 2 * HOUR_MS
    other = sessions.open(session(clock.ms + HOUR_MS, "b" * 64), cookie)
    assert other != cookie
    assert sessions.find(cookie) is None
    planted = new_secret()
    assert sessions.open(session(clock.ms + HOUR_MS), planted) != planted


def test_number_of_sessions_is_bounded(clock: Clock, sessions: WebSessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ends first goes."""
    monkeypatch.setattr(store, "MOST", 3)
    opened = [sessions.open(session(clock.ms + HOUR_MS + n, f"{n}" * 64)) for n in range(5)]
    assert [sessions.find(cookie) is not None for cookie in opened] == [False, False, True, True, True]


@pytest.mark.parametrize("what", ["words", "a folder", "a link", "a newer form", "no folder"])
def test_file_that_cannot_be_used_signs_nobody_in_and_says_so_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """In one line; and whoever comes in after that is remembered until the portal ends."""
    folder = tmp_path / "state"
    if what != "no folder":
        folder.mkdir()
    file = folder / FILE_NAME
    if what == "words":
        file.write_text("no database at all, and longer than the head of one. " * 40)
    elif what == "a folder":
        file.mkdir()
    elif what == "a link":
        (tmp_path / "elsewhere").write_text("")
        file.symlink_to(tmp_path / "elsewhere")
    elif what == "a newer form":
        rows = sqlite3.connect(file)
        rows.execute("PRAGMA user_version = 99")
        rows.close()
    else:
        folder = tmp_path / "absent" / "state"
    sessions = WebSessions(folder, clock)
    cookie = sessions.open(session(clock.ms + HOUR_MS))
    assert sessions.find(cookie) is not None
    sessions.close()
    lines = [line.getMessage() for line in caplog.records if line.levelno >= logging.ERROR]
    assert len(lines) == 1
    assert "nobody is signed in" in lines[0]
    assert "\n" not in lines[0]
    assert not (tmp_path / "elsewhere").exists() or (tmp_path / "elsewhere").read_text() == ""


def test_file_that_breaks_while_it_is_used_signs_everybody_out(
    tmp_path: Path, clock: Clock, sessions: WebSessions, caplog: pytest.LogCaptureFixture
) -> None:
    """No page fails of it."""
    cookie = sessions.open(session(clock.ms + HOUR_MS))
    rows = sqlite3.connect(tmp_path / "state" / FILE_NAME)
    rows.execute("DROP TABLE session")
    rows.close()
    assert sessions.find(cookie) is None
    assert sessions.find(sessions.open(session(clock.ms + HOUR_MS))) is not None
    assert len([line for line in caplog.records if "cannot be used" in line.getMessage()]) == 1


def test_wider_mode_is_narrowed(tmp_path: Path, clock: Clock) -> None:
    """A file that was copied back with the mode of a copy."""
    (tmp_path / "state").mkdir()
    file = tmp_path / "state" / FILE_NAME
    file.touch()
    os.chmod(file, 0o644)
    WebSessions(tmp_path / "state", clock).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
