"""What `docs/receipts.md` tells a citizen or lawyer to type does check a receipt, and finds a changed one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consent.core.consents.records import record_hash, signing_bytes
from consent.core.receipts.canonical_json import write_receipt
from consent.core.receipts.receipts import Issue, LogPlace, make_receipt
from gateway.audit.log.notes import Signer
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.consent_samples import NOW_MS, agreed, policies
from tests.support.waiting import HANG_S

PAGE = pages()["docs/receipts.md"]
SHOWN_KEY = "sluice.ribera-1/log+206dcffc+Af2VThPfYYARhdc+426bvcwp1cVWQ3Ud71lf0rHoC/eF"
SIGNER = Signer("sluice.town-1/log", bytes(range(32)))
CITY = policies(('en = "To plan"', 'en = "To plan \\"ünd\\" <see>"'))
CONSENT = agreed(CITY, "hourly")
RECORD = CONSENT.signed(SIGNER.sign_bytes(signing_bytes(CONSENT)))


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    """A receipt as a file, under the name that the page uses."""
    place = LogPlace(SIGNER.name, 5, SIGNER.vkey(), b"s" * 32)
    made = make_receipt(RECORD, CITY, place, Issue(NOW_MS, b"l" * 32), SIGNER.sign_bytes)
    file = tmp_path / "receipt.jsonld"
    file.write_bytes(write_receipt(made))
    return file


def run(command: list[str], place: Path) -> str:
    """Run a program where the receipt lies, and return what it says."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=HANG_S, check=False)
    return done.stdout + done.stderr


def python_snippet() -> list[str]:
    """Return the command that runs the page's program, with the key of these tests."""
    (block,) = PAGE.blocks("python")
    assert SHOWN_KEY in block.text
    program = block.text.replace(SHOWN_KEY, SIGNER.vkey())
    return [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{program}"]


def shell_snippets() -> list[list[str]]:
    """Return the commands that run the page's shell snippets: the signature's check and the record's hash."""
    missing = [name for name in ("jq", "openssl", "basenc") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"the page's shell snippets need {', '.join(missing)}")
    ours = [block.text for block in PAGE.blocks("sh") if not block.text.startswith("sluice ")]
    return [["sh", "-c", text.replace(SHOWN_KEY, SIGNER.vkey())] for text in ours]


def test_program_on_the_page_checks_a_receipt(receipt: Path) -> None:
    """It says that the receipt holds, and of a changed one what is wrong."""
    assert run(python_snippet(), receipt.parent) == "the receipt holds\n"
    receipt.write_text(receipt.read_text().replace('"P365D"', '"P999D"'))
    said = run(python_snippet(), receipt.parent)
    assert "the receipt's signature is not by this key, or the receipt was changed" in said
    assert "retention" in said


def test_other_tools_check_a_receipt_as_the_page_says(receipt: Path) -> None:
    """`jq` and OpenSSL alone find the signature good, and bad on a changed receipt; the hash is the record's."""
    signature, digest = shell_snippets()
    assert "Signature Verified Successfully" in run(signature, receipt.parent)
    assert run(digest, receipt.parent).split()[0] == record_hash(RECORD).hex()
    receipt.write_text(receipt.read_text().replace('"P365D"', '"P999D"'))
    assert "Signature Verification Failure" in run(signature, receipt.parent)
