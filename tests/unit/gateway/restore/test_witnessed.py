"""What a restore makes of the witnesses' answers: the log to go on with, or one line that leads on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.tiles import LogWriter
from gateway.edge.witnesses.client import Objection, Proofs
from gateway.edge.witnesses.quorum import CosignedNote, Witnesses
from gateway.errors import CorruptionError
from gateway.restore.published_log import PublishedLog
from gateway.restore.witnessed import as_witnessed
from tests.support.logs import MemorySource

KEY = Signer("gw.example/log", bytes(range(32)))
PUBLISHED = 4
WRITTEN = 6


def files(checkpoint: int, written: int, history: str = "") -> tuple[dict[str, bytes], dict[int, bytes]]:
    """Return a log's files, of which the last are beyond its checkpoint, and its signed checkpoints by size."""
    writer, notes, found = LogWriter(KEY.name), dict[int, bytes](), dict[str, bytes]()
    for number in range(written):
        writer.append(f"{history}{number}".encode())
        found |= writer.files_since(0)
        notes[writer.size] = sign_note(writer.checkpoint().text(), KEY)
    return found | {"checkpoint": notes[checkpoint]}, notes


@dataclass
class Answers:
    """Witnesses that answer what a test wants, and record what they were shown."""

    objections: tuple[Objection, ...] = ()
    silent: tuple[str, ...] = ()
    shows: bytes | None = None
    shown: list[bytes] = field(default_factory=list)

    async def cosign(self, note: bytes, proofs: Proofs, *, await_all: bool) -> CosignedNote:
        """Answer as told."""
        assert await_all
        assert len(proofs.consistency(3, PUBLISHED)) == 3
        self.shown.append(note)
        return CosignedNote(note, {}, False, self.objections, self.silent)

    async def latest(self, witness: str, origin: str) -> bytes | None:
        """Show what a test wants."""
        assert (witness, origin) == ("w", KEY.name)
        return self.shows


async def result(answers: Answers, *, written: int = WRITTEN) -> tuple[int, tuple[str, ...]]:
    """Return up to which size the log is continued, and who is silent."""
    source = MemorySource(files(PUBLISHED, written)[0])
    published = PublishedLog.open(source, "the log", [KEY.verifier])
    found = await as_witnessed(published, cast("Witnesses", answers), [KEY.verifier])
    assert answers.shown == [published.head.note]
    return found.published.size, found.silent


async def test_log_that_witnesses_know_no_more_of_is_taken_as_it_is() -> None:
    """Whoever does not answer is named."""
    assert await result(Answers(silent=("x",))) == (PUBLISHED, ("x",))


async def test_log_without_witnesses_is_taken_as_it_is() -> None:
    """Nobody is asked."""
    published = PublishedLog.open(MemorySource(files(PUBLISHED, PUBLISHED)[0]), "the log", [KEY.verifier])
    assert (await as_witnessed(published, None, [KEY.verifier])).published is published


async def test_entries_that_lead_to_what_a_witness_shows_are_taken_up() -> None:
    """The largest that any of them has seen, signed by our own key."""
    shows = files(WRITTEN, WRITTEN)[1][WRITTEN]
    assert await result(Answers((Objection("v", 5), Objection("w", WRITTEN)), shows=shows)) == (WRITTEN, ())


@pytest.mark.parametrize(
    ("shows", "written"),
    [
        (None, WRITTEN),
        (b"no checkpoint", WRITTEN),
        (files(WRITTEN, WRITTEN)[1][5], WRITTEN),
        (files(WRITTEN, WRITTEN)[1][WRITTEN], 5),
        (files(WRITTEN, WRITTEN, "other ")[1][WRITTEN], WRITTEN),
        (
            sign_note(files(WRITTEN, WRITTEN)[1][WRITTEN].decode().partition("\n\n")[0] + "\n", Signer(KEY.name, bytes(32))),
            WRITTEN,
        ),
    ],
    ids=["nothing", "nonsense", "a smaller one", "entries not there", "another history", "another key"],
)
async def test_log_that_does_not_lead_to_what_a_witness_has_cosigned_is_refused(shows: bytes | None, written: int) -> None:
    """The line says what is needed, and where to name it."""
    with pytest.raises(CorruptionError) as caught:
        await result(Answers((Objection("w", WRITTEN),), shows=shows), written=written)
    assert str(caught.value) == (
        "witness `w` has cosigned `6` entries of this log, and `the log` has `4`: name a copy of the published log that has more "
        "with `--log`; where there is none, begin a new log under another `gateway` id, with new keys"
    )


async def test_log_with_another_history_cannot_be_continued() -> None:
    """No copy helps where two were signed; that is said before all else."""
    with pytest.raises(CorruptionError, match="has cosigned another history of this log: an old state was"):
        await result(Answers((Objection("w", WRITTEN), Objection("v", None))))


async def test_log_whose_tiles_cannot_be_read_is_refused() -> None:
    """The proof is made of them."""
    broken = files(PUBLISHED, PUBLISHED)[0]
    broken["tile/0/000.p/4"] = b""
    published = PublishedLog.open(MemorySource(broken), "the log", [KEY.verifier])
    with pytest.raises(CorruptionError, match=r"`the log`: tile/0/000\.p/4"):
        await as_witnessed(published, cast("Witnesses", Answers()), [KEY.verifier])
