"""Audit commands as they are run, with the options that most tests leave as they are."""

from __future__ import annotations

import io
from argparse import Namespace
from pathlib import Path
from typing import Any

from gateway.audit import command
from gateway.audit.log.openings import subject_label_key
from tests.support.log import SIGNER, SUBJECTS, secret


def run_audit(verb: str, place: str, folder: Path, **given: Any) -> tuple[int, str]:
    """Run a command on a log; return its exit status and what it prints.

    Args:
        verb: Of `sluice audit`.
        place: The log, a folder or an address.
        folder: Where a command may write.
        given: Options with other values than here, by the names that the parser gives them.
    """
    usual: dict[str, Any] = {
        "key": SIGNER.vkey(),
        "witnesses": None,
        "no_key": False,
        "openings": None,
        "openings_days": 90,
        "since": None,
        "keep": None,
        "json": False,
        "index": 3,
        "out": folder / "out",
        "language": "en",
        "locale": None,
        "label_key": [subject_label_key(secret(SUBJECTS[0])).hex()],
        "receipt": [],
        "entry": None,
    }
    out = io.StringIO()
    return command.run(verb, Namespace(**({"place": place} | usual | given)), out), out.getvalue()
