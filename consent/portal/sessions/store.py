"""`portal.db`: which cookie is of which session, sealed so that the file opens none.

A row stands under the hash of its cookie, and holds the gateway's token under a key that only the cookie gives: whoever reads the
file, a backup of it or a disk that was thrown away, can neither find a cookie in it nor act for anyone. The gateway itself knows
the token by its hash alone. A row is deleted when its session ends, and by the first look after its time.

Where the file cannot be opened or read, nobody is signed in, and one line on standard error says so; what is opened from then on
is kept in memory, until the portal ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consent.citizen_messages import SessionKind, SessionOpened
from consent.portal.http.cookies import new_secret
from consent.portal.visit import SignedIn

FILE_NAME: Final = "portal.db"
MOST: Final = 100_000
"""So many sessions at most: the one that ends first goes."""
_FORM: Final = 1
_NONCE_BYTES: Final = 12
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS session (
    name BLOB PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL,
    ends_ms INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS session_ends ON session (ends_ms);
"""


class WebSessions:
    """The sessions of a portal; of one event loop, whose every call is a row."""

    def __init__(self, folder: Path | None, now_ms: Callable[[], int]) -> None:
        """Open the file, or make it.

        Args:
            folder: Where it lies; None: in memory alone.
            now_ms: The machine's clock.
        """
        self._now_ms = now_ms
        try:
            if folder is not None:
                folder.mkdir(mode=0o700, exist_ok=True)
            self._rows = _opened(":memory:" if folder is None else str(folder / FILE_NAME))
        except (OSError, sqlite3.Error) as error:
            _say(error)
            self._rows = _opened(":memory:")

    def find(self, cookie: str) -> SignedIn | None:
        """Return the session of a cookie; None where there is none, or it has ended."""
        try:
            row = self._rows.execute(
                "SELECT sealed, ends_ms FROM session WHERE name = ? AND ends_ms > ?", (_name(cookie), self._now_ms())
            ).fetchone()
        except sqlite3.Error as error:
            self._broken(error)
            return None
        if row is None:
            return None
        sealed, ends_ms = row
        try:
            kind, _, token = (
                _cipher(cookie).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(ends_ms)).partition(b" ")
            )
        except (InvalidTag, ValueError):
            return None  # not as we wrote it
        return SignedIn(token.decode(), cast("SessionKind", kind.decode()), ends_ms)

    def open(self, opened: SessionOpened, before: str = "") -> str:
        """Enter a session, and return the value of its cookie.

        Args:
            opened: As the gateway has opened or extended it.
            before: The visitor's cookie until now: it stays where the session does, and else ends.
        """
        known = self.find(before) if before else None
        stays = known is not None and known.token == opened.token
        cookie = before if stays else new_secret()
        if before and not stays:
            self.end(before)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + _cipher(cookie).encrypt(nonce, f"{opened.kind} {opened.token}".encode(), _bound(opened.ends_ms))
        row = (_name(cookie), sealed, opened.ends_ms)
        try:
            self._enter(row)
        except sqlite3.Error as error:
            self._broken(error)
            self._enter(row)
        return cookie

    def end(self, cookie: str) -> None:
        """Forget the session of a cookie."""
        try:
            with self._rows:
                self._rows.execute("DELETE FROM session WHERE name = ?", (_name(cookie),))
        except sqlite3.Error as error:
            self._broken(error)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._rows.close()

    def _enter(self, row: tuple[bytes, bytes, int]) -> None:
        with self._rows:
            self._rows.execute("DELETE FROM session WHERE ends_ms <= ?", (self._now_ms(),))
            self._rows.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", row)
            self._rows.execute(
                "DELETE FROM session WHERE name IN (SELECT name FROM session ORDER BY ends_ms DESC LIMIT -1 OFFSET ?)", (MOST,)
            )

    def _broken(self, error: sqlite3.Error) -> None:
        """Go on without the file: nobody is signed in any more."""
        _say(error)
        self.close()
        self._rows = _opened(":memory:")


def _opened(place: str) -> sqlite3.Connection:
    """Return the database, in a file that only the portal's user may read.

    Raises: OSError, sqlite3.Error: it cannot be opened, or is of another form.
    """
    if place != ":memory:":
        os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        os.chmod(place, 0o600)
    rows = sqlite3.connect(place, timeout=1.0, check_same_thread=False)
    try:
        form = rows.execute("PRAGMA user_version").fetchone()[0]
        if form not in (0, _FORM):
            raise sqlite3.DatabaseError(f"it is of form {form}, which this version does not know")
        rows.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
            f"{_SCHEMA} PRAGMA user_version = {_FORM};"
        )
    except sqlite3.Error:
        rows.close()
        raise
    return rows


def _say(error: Exception) -> None:
    why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    logging.getLogger(__name__).error("`%s` cannot be used, so nobody is signed in: %s", FILE_NAME, why)


def _name(cookie: str) -> bytes:
    """Return under what a cookie's row stands."""
    return sha256(b"sluice cookie\0" + cookie.encode()).digest()


def _cipher(cookie: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"sluice portal session").derive(cookie.encode()))


def _bound(ends_ms: int) -> bytes:
    """Return what is sealed with a row in clear: its time cannot be put off in the file."""
    return ends_ms.to_bytes(8, "big", signed=True)
