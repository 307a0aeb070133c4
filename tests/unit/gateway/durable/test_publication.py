"""What waits for the next publication: everything that was committed since the last one, and nothing twice."""

from __future__ import annotations

from gateway.audit.log.tiles import LogWriter, labels_path
from gateway.core.effects import Commit, LogRow, OpeningRow, PackedOpening
from gateway.durable.publication import Unpublished

_OPENING = PackedOpening(b"opening")
_SHORTER = PackedOpening(b"shorter")


def _committed(unpublished: Unpublished, log: LogWriter, *, labels: bytes | None = None) -> int:
    index = log.append(b"entry")
    unpublished.collect(Commit(log=[LogRow(index, "release", b"entry", _OPENING, labels)]))
    return index


def test_publication_holds_all_since_the_last_and_nothing_twice() -> None:
    """Entries, labels and openings of every commit between two checkpoints."""
    log, unpublished = LogWriter("origin"), Unpublished(exports_openings=True)
    first, second = _committed(unpublished, log, labels=b"one"), _committed(unpublished, log)
    publication = unpublished.publication(log, b"note")
    assert publication.files[labels_path(first)] == b"one"
    assert publication.openings == {first: _OPENING, second: _OPENING}
    assert unpublished.size == log.size
    third = _committed(unpublished, log)
    later = unpublished.publication(log, b"later")
    assert (labels_path(first) in later.files, later.openings) == (False, {third: _OPENING})


def test_opening_that_an_erasure_shortened_goes_out_shortened_alone() -> None:
    """Never as it was, also where it had not been published yet."""
    log, unpublished = LogWriter("origin"), Unpublished(exports_openings=True)
    index = _committed(unpublished, log)
    unpublished.collect(Commit(openings=[OpeningRow(index, _SHORTER)]))
    publication = unpublished.publication(log, b"note")
    assert (publication.openings, publication.shortened) == ({}, {index: _SHORTER})


def test_openings_without_a_folder_are_not_kept() -> None:
    """Memory would fill with what nobody takes."""
    log, unpublished = LogWriter("origin"), Unpublished(exports_openings=False)
    index = _committed(unpublished, log)
    unpublished.collect(Commit(openings=[OpeningRow(index, _SHORTER)]))
    assert (unpublished.openings, unpublished.shortened) == ({}, {})
