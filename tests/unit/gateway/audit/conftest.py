"""A second opinion on every log that a test here leaves behind, sound or damaged: the verifier that rides in exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.log.reader import FileError, LogReader, LogUnreachableError
from gateway.audit.standalone import verify as standalone
from gateway.audit.verify.verify import verify_folder
from tests.support.log import ORIGIN, SIGNER

_LARGEST_BYTES = 1 << 20  # of a bundle folder; the largest logs have their own comparison


@pytest.fixture(autouse=True)
def second_opinion(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare both verdicts on each log of our own below the test's folder, once the test is done."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        for checkpoint in folder.rglob("checkpoint"):
            _compare(checkpoint.parent)


def _compare(folder: Path) -> None:
    try:
        ours_to_judge = LogReader(folder).checkpoint().startswith(ORIGIN.encode())
    except LogUnreachableError:
        return
    if not ours_to_judge or sum(file.stat().st_size for file in folder.rglob("tile/entries/*")) > _LARGEST_BYTES:
        return
    try:
        report = verify_folder(folder, SIGNER.vkey())
        ok, said = report.ok, report.to_text()
    except FileError as problem:
        ok, said = False, str(problem)
    _, wrong, _ = standalone.verify(folder, standalone.parse_key(SIGNER.vkey()), [])
    assert ok is not bool(wrong), f"{said}\n{[str(one) for one in wrong]}"
