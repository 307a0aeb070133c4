"""Whether a log accounts for a bundle: proofs from its tiles, at every size and against every lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.handover import Handover
from gateway.audit.log.inclusion_proofs import InclusionProofs
from gateway.audit.log.merkle import inclusion_proof, leaf_hash, tree_root
from gateway.audit.log.notes import Signer
from gateway.audit.log.tiles import TILE_WIDTH, tile_path, tile_spans
from gateway.recipient.coverage import Coverage, CoverageError, CoverageVerdict
from tests.support.recipients import ORIGIN, SIGNER, GatewayLog

_BUNDLE = bytes(range(32))


@pytest.fixture
def log(tmp_path: Path) -> GatewayLog:
    """A log with nothing in it yet."""
    return GatewayLog(tmp_path / "log")


def _coverage(log: GatewayLog) -> Coverage:
    return Coverage(log.folder.path, SIGNER.verifier)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (2, 3), (255, 256), (256, 257), (3, 600), (599, 600), (512, 513)])
def test_check_release_of_these_bytes_covered(log: GatewayLog, index: int, size: int) -> None:
    """A release in a partial or a full tile, at an edge or inside, is found and proved."""
    log.fill(index)
    assert log.add(_BUNDLE) == index
    log.fill(size)
    log.publish()
    coverage = _coverage(log)
    assert coverage.check(ORIGIN, index, _BUNDLE) is CoverageVerdict.NOT_YET
    coverage.refresh()
    assert coverage.check(ORIGIN, index, _BUNDLE) is CoverageVerdict.COVERED
    assert coverage.check(ORIGIN, index, bytes(32)) is CoverageVerdict.REFUTED
    assert coverage.check("another.example/log", index, _BUNDLE) is CoverageVerdict.REFUTED


def test_check_before_any_checkpoint_and_beyond_it_waits(log: GatewayLog) -> None:
    """No checkpoint, or one that ends before the entry, covers nothing yet."""
    coverage = _coverage(log)
    assert coverage.refresh() is None
    log.fill(3)
    log.publish()
    coverage.refresh()
    index = log.add(_BUNDLE)
    assert coverage.check(ORIGIN, index, _BUNDLE) is CoverageVerdict.NOT_YET
    log.publish()
    coverage.refresh()
    assert coverage.check(ORIGIN, index, _BUNDLE) is CoverageVerdict.COVERED


def test_check_entry_of_another_kind_refuted(log: GatewayLog) -> None:
    """An entry that releases nothing accounts for no bundle."""
    log.fill(2)
    log.publish()
    coverage = _coverage(log)
    coverage.refresh()
    assert coverage.check(ORIGIN, 1, _BUNDLE) is CoverageVerdict.REFUTED


def test_check_after_tile_filled_under_an_older_checkpoint_still_covered(log: GatewayLog) -> None:
    """The partial tile of the checkpoint in hand may have given way to the full one meanwhile."""
    index = log.add(_BUNDLE)
    log.fill(100)
    log.publish()
    coverage = _coverage(log)
    coverage.refresh()
    log.fill(700)
    log.publish()
    assert not (log.folder.path / tile_path(0, 0, 100)).exists()
    assert coverage.check(ORIGIN, index, _BUNDLE) is CoverageVerdict.COVERED


@pytest.mark.parametrize("path", ["tile/0/000.p/40", "tile/entries/000.p/40"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_check_damaged_log_vouches_for_nothing(log: GatewayLog, path: str, damage: str) -> None:
    """Files that do not lead to the signed root are an error, never a verdict."""
    log.fill(20)
    index = log.add(_BUNDLE)
    log.fill(40)
    log.publish()
    file = log.folder.path / path
    data = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    else:
        at = data.find(_BUNDLE)  # in the entry; else the leaf beside its own, which a proof needs
        data[at if at >= 0 else 21 * 32] ^= 1
        file.write_bytes(data if damage == "flip" else data[:-1])
    coverage = _coverage(log)
    coverage.refresh()
    with pytest.raises(CoverageError, match="log entry `20`") as caught:
        coverage.check(ORIGIN, index, _BUNDLE)
    assert "\n" not in str(caught.value)


def test_refresh_checkpoint_of_another_key_refused(log: GatewayLog) -> None:
    """Only the log's own key speaks for it, also where another bears its name."""
    log.fill(2)
    log.publish(Signer(ORIGIN, bytes(32)))
    with pytest.raises(CoverageError, match="checkpoint"):
        _coverage(log).refresh()


def test_refresh_follows_a_log_that_is_handed_over(log: GatewayLog, tmp_path: Path) -> None:
    """A recipient goes on with the key that it was given, over restarts too; nobody else's is let in, nor the former again."""
    kept, heir = tmp_path / "kept", Signer(ORIGIN, b"1" * 32)
    log.fill(2)
    log.publish()
    assert Coverage(log.folder.path, SIGNER.verifier, kept).refresh() is not None
    log.folder.write_handovers(Handover.make(2, SIGNER, heir).note)
    log.fill(4)
    log.publish(heir)
    followed = Coverage(log.folder.path, SIGNER.verifier, kept)
    checkpoint = followed.refresh()
    assert checkpoint is not None
    assert checkpoint.size == 4
    log.fill(5)
    log.publish()
    with pytest.raises(CoverageError, match="the key to which the log was handed over"):
        followed.refresh()
    handovers = log.folder.path / "log.keys"
    handovers.rename(tmp_path / "log.keys")
    with pytest.raises(CoverageError, match="are there no more"):
        followed.refresh()
    (tmp_path / "log.keys").rename(handovers)
    log.publish(heir)
    assert Coverage(log.folder.path, SIGNER.verifier, kept).refresh() is not None
    log.folder.write_handovers(Handover.make(2, Signer(ORIGIN, bytes(32)), heir).note)
    with pytest.raises(CoverageError, match="do not pass through the key"):
        Coverage(log.folder.path, SIGNER.verifier, kept).refresh()


def test_refresh_checkpoint_that_falls_behind_refused(log: GatewayLog, tmp_path: Path) -> None:
    """A log that was rolled back, or that signed two roots for one size, is not believed."""
    log.fill(5)
    log.publish()
    coverage = _coverage(log)
    coverage.refresh()
    forked = GatewayLog(tmp_path / "forked")
    for size, finding in ((3, "shrunk from `5` entries to `3`: a rollback"), (5, "another root .* the log has split")):
        forked.fill(size - 1)
        forked.add(_BUNDLE)
        forked.publish()
        (log.folder.path / "checkpoint").write_bytes((forked.folder.path / "checkpoint").read_bytes())
        with pytest.raises(CoverageError, match=finding):
            coverage.refresh()


@pytest.mark.parametrize(("before", "after"), [(5, 6), (5, 700), (256, 257), (300, 70_000)])
def test_refresh_log_exchanged_for_a_longer_one_refused(tmp_path: Path, before: int, after: int) -> None:
    """Another history does not pass for this one by being longer; the true one, as long, does."""
    log, forked = GatewayLog(tmp_path / "log"), GatewayLog(tmp_path / "forked")
    log.fill(before)
    log.publish()
    forked.fill(before - 1)
    forked.add(_BUNDLE)
    forked.fill(after)
    forked.publish()
    kept = tmp_path / "kept"
    Coverage(log.folder.path, SIGNER.verifier, kept).refresh()
    with pytest.raises(CoverageError, match=f"the first `{before}` entries are not those seen before: the log has split"):
        Coverage(forked.folder.path, SIGNER.verifier, kept).refresh()
    log.fill(after)
    log.publish()
    new = Coverage(log.folder.path, SIGNER.verifier, kept).refresh()
    assert new is not None
    assert new.size == after


def test_refresh_after_restart_remembers_what_was_seen(log: GatewayLog, tmp_path: Path) -> None:
    """A log that is rolled back, signed by another key or taken away while nobody looks is refused at the next start."""
    log.fill(3)
    log.publish()
    old = (log.folder.path / "checkpoint").read_bytes()
    log.fill(5)
    log.publish()
    kept = tmp_path / "kept"

    def restarted() -> Coverage:
        return Coverage(log.folder.path, SIGNER.verifier, kept)

    restarted().refresh()
    seen = kept.read_bytes()
    (log.folder.path / "checkpoint").write_bytes(old)
    with pytest.raises(CoverageError, match="a rollback"):
        restarted().refresh()
    log.publish(Signer(ORIGIN, bytes(32)))
    with pytest.raises(CoverageError, match="checkpoint"):
        restarted().refresh()
    (log.folder.path / "checkpoint").unlink()
    with pytest.raises(CoverageError, match="absent"):
        restarted().refresh()
    assert kept.read_bytes() == seen


def test_refresh_growth_that_cannot_be_proven_waits(log: GatewayLog, tmp_path: Path) -> None:
    """A copy of a log that lacks a tile is no proof of anything; nothing is forgotten over it."""
    log.fill(5)
    log.publish()
    coverage = Coverage(log.folder.path, SIGNER.verifier, tmp_path / "kept")
    coverage.refresh()
    log.fill(9)
    log.publish()
    tile = log.folder.path / tile_path(0, 0, 9)
    tile.rename(tmp_path / "away")
    with pytest.raises(CoverageError, match="absent"):
        coverage.refresh()
    (tmp_path / "away").rename(tile)
    new = coverage.refresh()
    assert new is not None
    assert new.size == 9


def test_refresh_checkpoint_that_vanished_refused(log: GatewayLog) -> None:
    """A checkpoint that was there and is gone is an error, not a new beginning."""
    log.fill(1)
    log.publish()
    coverage = _coverage(log)
    coverage.refresh()
    (log.folder.path / "checkpoint").unlink()
    with pytest.raises(CoverageError, match="absent"):
        coverage.refresh()


class _ListedTiles:
    """Tiles of a tree held in memory, three levels high, of which only the hashes count."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.rows = [leaves]
        while len(self.rows[-1]) >= TILE_WIDTH:
            row = self.rows[-1]
            self.rows.append([tree_root(row[at : at + TILE_WIDTH]) for at in range(0, len(row) - TILE_WIDTH + 1, TILE_WIDTH)])

    def tile(self, level: int, index: int, width: int) -> _Hashes:
        assert (index, width) in set(tile_spans(len(self.rows[0]), level))
        return _Hashes(self.rows[level][index * TILE_WIDTH : index * TILE_WIDTH + width])


class _Hashes(list[bytes]):
    def hashes(self) -> list[bytes]:
        return list(self)


_LEAVES = [leaf_hash(str(number).encode()) for number in range(66_500)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 255, 256, 257, 65_535, 65_536, 65_537, 65_792, 66_049, 66_500]), st.randoms(use_true_random=False))
def test_tree_files_proof_equals_that_over_all_leaves(size: int, random: object) -> None:
    """Composed from a few tiles, a proof is the one that RFC 6962 defines over the whole list."""
    leaves = _LEAVES[:size]
    index = random.choice([0, size - 1, random.randrange(size)])  # type: ignore[attr-defined]  # hypothesis's own Random
    proof = InclusionProofs(_ListedTiles(leaves), size).inclusion(index)  # type: ignore[arg-type]  # the same two methods
    assert proof == inclusion_proof(leaves, index)
