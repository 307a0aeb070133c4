"""Which key a command line names, and what is said where it names none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.verify.anchors import LONGEST_KEY_BYTES, AnchorError, read_key
from tests.support.log import SIGNER


def test_key_is_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    """The line end of a file is not part of the key."""
    file = tmp_path / "log.vkey"
    file.write_text(f"{SIGNER.vkey()}\n")
    assert read_key(SIGNER.vkey()) == read_key(str(file)) == SIGNER.vkey()


def test_mistyped_name_of_a_file_is_not_taken_for_a_key(tmp_path: Path) -> None:
    """Most who see this have the file, elsewhere."""
    missing = tmp_path / "absent.vkey"
    with pytest.raises(
        AnchorError, match=r"absent\.vkey`: there is no such file, and it is no key of the form name\+id\+base64$"
    ):
        read_key(str(missing))


@pytest.mark.parametrize("text", ["", "one\ntwo\n", "\x07\n", "x" * (LONGEST_KEY_BYTES + 1)])
def test_file_that_holds_no_key_is_named(tmp_path: Path, text: str) -> None:
    """Not a word of it is repeated."""
    file = tmp_path / "log.vkey"
    file.write_text(text)
    with pytest.raises(AnchorError, match=r"log\.vkey`: is no file with a log's public key$"):
        read_key(str(file))
