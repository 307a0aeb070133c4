"""Unpacking of archives that the tests bring along, on every Python that the project runs on."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder, data only: no devices, no links out of it, no owners."""
    with tarfile.open(archive) as opened:
        # Python 3.11.2, Debian 12's, does not know the `filter` argument yet; later ones warn where it is missing.
        opened.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)
        opened.extractall(folder)  # noqa: S202  made by the tests or by git
