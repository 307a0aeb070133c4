"""The voids of bundles in hand, found in a log of any length and in whatever order the bundles came."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import ProofError
from gateway.audit.log.notes import open_note
from gateway.audit.log.reader import LogReader
from gateway.recipient.voids import LoggedRelease, Voids
from tests.support.recipients import SIGNER, GatewayLog

_BUNDLES = [bytes([number]) * 32 for number in range(4)]


def _checkpoint(log: GatewayLog) -> Checkpoint:
    log.publish()
    note = LogReader(log.folder.path).checkpoint()
    return Checkpoint.parse(open_note(note, [SIGNER.verifier]).text)


@pytest.mark.parametrize("between", [0, 1, 250, 600])
def test_voids_are_found_wherever_they_stand(tmp_path: Path, between: int) -> None:
    """In the same block of entries as their release, in a later one, in one that is not full."""
    log = GatewayLog(tmp_path / "log")
    log.fill(5)
    releases = [log.add(bundle) for bundle in _BUNDLES]
    log.fill(log.writer.size + between)
    void = log.void(releases[1], _BUNDLES[1])
    log.fill(log.writer.size + between)
    assert Voids(LogReader(log.folder.path)).of(releases, _checkpoint(log)) == {releases[1]: void}


def test_voids_of_later_entries_and_of_earlier_bundles_are_found_as_they_come(tmp_path: Path) -> None:
    """Each entry is read once, until a bundle comes that is older than all before."""
    log = GatewayLog(tmp_path / "log")
    releases = [log.add(bundle) for bundle in _BUNDLES]
    early = log.void(releases[0], _BUNDLES[0])
    voids = Voids(LogReader(log.folder.path))
    assert voids.of([], _checkpoint(log)) == {}
    assert voids.of(releases[2:], _checkpoint(log)) == {}
    log.fill(300)
    late = log.void(releases[3], _BUNDLES[3])
    assert voids.of(releases[2:], _checkpoint(log)) == {releases[3]: late}
    assert voids.of(releases, _checkpoint(log)) == {releases[0]: early, releases[3]: late}
    assert voids.of([10**6], _checkpoint(log)) == {}


def test_releases_from_an_index_on_with_their_voids(tmp_path: Path) -> None:
    """Every release, whoever it is for, from a full block as from one that is not; what came before only if it is asked for."""
    log = GatewayLog(tmp_path / "log")
    first = log.add(_BUNDLES[0])
    log.fill(300)
    second = log.add(_BUNDLES[1])
    void = log.void(second, _BUNDLES[1])
    voids, checkpoint = Voids(LogReader(log.folder.path)), _checkpoint(log)
    late = {second: LoggedRelease(_BUNDLES[1], void)}
    assert voids.releases_from(second, checkpoint) == late
    assert voids.releases_from(0, checkpoint) == {first: LoggedRelease(_BUNDLES[0], None), **late}
    assert voids.releases_from(second, checkpoint) == late


def test_voids_in_a_log_whose_entries_are_not_those_signed_are_an_error(tmp_path: Path) -> None:
    """Whoever serves the log cannot leave one out."""
    log = GatewayLog(tmp_path / "log")
    release = log.add(_BUNDLES[0])
    log.void(release, _BUNDLES[0])
    checkpoint = _checkpoint(log)
    for path in ("tile/entries/000.p/2", "tile/0/000.p/2"):
        file = log.folder.path / path
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ProofError):
            Voids(LogReader(log.folder.path)).of([release], checkpoint)
        file.write_bytes(whole)
