"""The tables of the gateway's one database file, and how an older file is brought up to date.

``PRAGMA user_version`` counts the migrations that a file has been through. A migration is never edited once released: a change
to the tables is a new one, at the end. Personal data are in ``sealed`` columns, found by keyed hashes. What the public's numbers
are made of is not: like the ledger it tells of flows and days, and of nobody.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE sealing_key (number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
    CREATE TABLE segment (number INTEGER PRIMARY KEY REFERENCES sealing_key, sealed BLOB NOT NULL) STRICT;
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY,
        segment INTEGER NOT NULL REFERENCES segment,
        marks BLOB NOT NULL,
        sealed BLOB NOT NULL,
        ledger BLOB NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY,
        recipient TEXT NOT NULL,
        sealing_key INTEGER NOT NULL REFERENCES sealing_key,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX outbox_recipient ON outbox (recipient, number);
    CREATE TABLE bundle (
        entry_index INTEGER PRIMARY KEY,
        recipient TEXT NOT NULL,
        sink TEXT NOT NULL,
        content BLOB NOT NULL
    ) STRICT;
    CREATE TABLE entry (entry_index INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
    CREATE TABLE opening (
        entry_index INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        settled_ms INTEGER,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX opening_settled ON opening (settled_ms) WHERE settled_ms IS NOT NULL;
    CREATE TABLE labels (entry_index INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
    CREATE TABLE head (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
    CREATE TABLE policy (entry_index INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, content BLOB NOT NULL) STRICT;
    CREATE TABLE consent (entry_index INTEGER PRIMARY KEY, subject BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
    CREATE INDEX consent_subject ON consent (subject, entry_index);
    CREATE TABLE subject (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
    CREATE TABLE device (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
    CREATE TABLE claim (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
    CREATE TRIGGER entry_is_fixed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'log entries are never changed'); END;
    CREATE TRIGGER entry_stays BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'log entries are never deleted'); END;
    """,
    """
    CREATE TABLE public_tally (
        is_day INTEGER NOT NULL,
        number INTEGER NOT NULL,
        content BLOB NOT NULL,
        shown BLOB,
        PRIMARY KEY (is_day, number)
    ) STRICT;
    """,
    "CREATE TABLE compared (size INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;",
    """
    CREATE TABLE handover (entry_index INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
    """,
    """
    CREATE TABLE segment_part (
        number INTEGER PRIMARY KEY,
        segment INTEGER NOT NULL REFERENCES segment,
        batch INTEGER NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    """,
    "CREATE TABLE opening_part (number INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;",
)
"""Scripts by version: the first makes version 1 of an empty file."""
