"""What ``sluice audit verify`` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from gateway.audit.notes import KeyFormatError
from gateway.audit.verify import verify_folder

_USAGE_STATUS = 2


def audit_verify(directory: Path, vkey: str, openings: Path | None, as_json: bool, out: TextIO) -> int:
    """Verify a log folder, print the report and return the exit status.

    Args:
        directory: The log folder.
        vkey: The log's public key in its text form.
        openings: The folder of openings, for auditors who have been given it.
        as_json: Print one JSON object instead of lines for a terminal.
        out: Where to print.

    Returns:
        0 when all is well, 1 for a finding, 2 when the key is malformed or a folder is none.
    """
    try:
        report = verify_folder(directory, vkey, openings)
    except (KeyFormatError, NotADirectoryError) as error:
        print(f"sluice: {error}", file=sys.stderr)
        return _USAGE_STATUS
    out.write(report.to_json() if as_json else report.to_text())
    return report.exit_status
