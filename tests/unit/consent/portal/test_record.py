"""What pages know of the record: every fault that there can be has its words."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from consent.portal.log_record import LogRecord
from consent.portal.record import PublicRecord, RecordFault
from consent.texts.portal import page_sentences

KINDS = get_args(get_type_hints(RecordFault)["kind"])


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_every_kind_of_fault_has_a_sentence(language: str) -> None:
    """And no sentence is about a fault that there is not."""
    said = {key.removeprefix("fault.") for key in page_sentences("check")[language] if key.startswith("fault.")}
    assert said == {*KINDS, "found"}


def test_record_of_a_folder_is_a_record(tmp_path: Path) -> None:
    """It says that there is nothing, before there is anything."""
    record: PublicRecord = LogRecord(tmp_path)
    assert (record.head, record.policies, record.changes, record.is_read, record.fault) == (None, None, [], False, None)
    assert (record.count("release"), record.entry(0), record.proof(0)) == (0, None, None)
