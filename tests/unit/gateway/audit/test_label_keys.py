"""Whatever a citizen has holds their label keys: a key, a file of keys, a receipt of either version, or an export."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from consent.core.receipts.canonical_json import write_receipt
from consent.core.receipts.terms import base64url
from gateway.audit.label_keys import LabelKeyError, all_keys, label_keys_in, named_label_keys, parse_label_keys
from tests.support.checkout import ROOT
from tests.support.receipt_samples import CASES, ISSUE, PLACE

KEYS = (bytes(range(32)), b"\xfa" * 32, b"k" * 32)
FIRST_VERSION = ROOT / "tests" / "unit" / "consent" / "core" / "receipts" / "first_version.jsonld"


def put(folder: Path, content: bytes | str) -> Path:
    """Write a file of a citizen's."""
    file = folder / "kept"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_keys_are_read_from_lines_in_the_form_of_today_and_of_earlier_receipts() -> None:
    """Comments and empty lines are passed over."""
    text = f"# until May\n{KEYS[0].hex()}\n\n {KEYS[1].hex().upper()} \n{base64url(KEYS[2])}\n"
    assert parse_label_keys(text).keys == KEYS


@pytest.mark.parametrize(
    "text", [KEYS[0].hex()[:-1], KEYS[0].hex() + "0", base64url(KEYS[0])[:-1] + "B", f"{KEYS[0].hex()}\nsecret"]
)
def test_what_is_cut_or_mistyped_is_no_key_and_never_repeated(text: str, tmp_path: Path) -> None:
    """It may be nearly one."""
    readers: tuple[Callable[[str], object], ...] = (
        parse_label_keys,
        named_label_keys,
        lambda _: label_keys_in(put(tmp_path, text)),
    )
    for read in readers:
        with pytest.raises(LabelKeyError, match="64 hexadecimal digits") as caught:
            read(text)
        assert KEYS[0].hex()[:16] not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_receipt_of_either_version_gives_its_key_and_its_log(tmp_path: Path) -> None:
    """As the file was handed out."""
    for file in (put(tmp_path, write_receipt(CASES["Given"])), FIRST_VERSION):
        found = label_keys_in(file)
        assert (found.keys, found.origin) == ((ISSUE.label_key,), PLACE.origin)
        assert named_label_keys(str(file)) == found


def test_export_gives_all_keys_that_the_household_ever_had(tmp_path: Path) -> None:
    """It gets another when somebody leaves it."""
    export = {"format": "sluice subject export 1", "log": {"origin": "o"}, "label_keys": [key.hex() for key in KEYS]}
    found = label_keys_in(put(tmp_path, json.dumps(export, indent=2)))
    assert (found.keys, found.origin, found.receipt) == (KEYS, "o", None)
    assert all_keys([found, found]) == list(KEYS)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (write_receipt(CASES["bare"]), "this receipt has no `labelKey`: name the original"),
        (write_receipt({**CASES["Given"], "labelKey": KEYS[0].hex()[1:]}), "its label key was cut or changed"),
        (write_receipt(CASES["Given"])[:-9], "is neither a receipt nor an export, or was cut short"),
        ('{"@type": "dpv:ConsentReceipt", "labelKey": "a", "labelKey": "b"}', "a receipt has a key twice in one object"),
        ('{"a": ' * 100_000, "is neither a receipt nor an export, or was cut short"),
        ('{"label_keys": []}', "this export holds no label key"),
        ('{"label_keys": [5]}', "is neither a receipt nor an export, or was cut short"),
        ('{"type": "FeatureCollection"}', "is neither a receipt nor an export"),
        (b"\xff\xfe", "is utf-16: save it as utf-8"),
        ("RECEIPT FOR WHAT YOU SAID\n", "is neither a receipt nor an export, and line 1 is no label key"),
        ("", "there is no label key"),
    ],
)
def test_file_without_a_key_is_named_and_says_what_to_do(content: bytes | str, problem: str, tmp_path: Path) -> None:
    """One line each, with the file in it."""
    file = put(tmp_path, content)
    with pytest.raises(LabelKeyError) as caught:
        label_keys_in(file)
    assert str(caught.value).startswith(f"`{file}`: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [write_receipt(CASES["Given"]), KEYS[0].hex().encode()])
def test_file_that_an_editor_has_saved_with_a_byte_order_mark_is_read(content: bytes, tmp_path: Path) -> None:
    """Citizens open their files with whatever is at hand."""
    file = tmp_path / "kept"
    file.write_bytes(b"\xef\xbb\xbf" + content)
    assert label_keys_in(file).keys


def test_pipe_and_endless_device_are_refused_unread(tmp_path: Path) -> None:
    """Either would keep its reader for ever."""
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(LabelKeyError, match="no regular file"):
            label_keys_in(file)
        with pytest.raises(LabelKeyError, match="no regular file"):
            named_label_keys(str(file))
