"""The published log that a restore continues: it begins with a checkpoint, and a server that goes away has not damaged it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.reader import LogUnreachableError
from gateway.errors import CorruptionError
from gateway.restore.published_log import PublishedLog
from tests.support.log import SIGNER, sample
from tests.support.logs import MemorySource


class _GoesAway(MemorySource):
    """A server that answers for the checkpoint alone."""

    def read(self, path: str, longest_bytes: int) -> bytes:
        if path != "checkpoint":
            raise LogUnreachableError(path, "connection refused")
        return super().read(path, longest_bytes)


def test_log_without_a_checkpoint_cannot_be_continued() -> None:
    """The line says what to name instead."""
    with pytest.raises(
        CorruptionError, match=r"`log`: no checkpoint can be read here.* with `--log` \(the log cannot be reached: "
    ):
        PublishedLog.open(MemorySource({}), "log", [SIGNER.verifier])


def test_server_that_goes_away_is_no_damage(tmp_path: Path) -> None:
    """Its entries, labels and policies may still be there tomorrow."""
    published = PublishedLog.open(_GoesAway(MemorySource.of(sample(tmp_path).log.path).files), "log", [SIGNER.verifier])
    for read in (lambda: list(published.entries()), lambda: published.labels(5), lambda: published.policies(bytes(32))):
        with pytest.raises(LogUnreachableError):
            read()
