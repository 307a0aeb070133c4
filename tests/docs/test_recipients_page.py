"""What `docs/recipients.md` shows is what happens: its commands and its Python, run on bundles and a log."""

from __future__ import annotations

import runpy
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.keys import format_private
from gateway.recipient.records import encode_record
from gateway.recipient.wire import Address
from tests.docs.pages import Page, pages
from tests.docs.shell import calls
from tests.support.recipients import ORIGIN, PRIVATE_KEY, SIGNER, GatewayLog, record, run_command

_ADDRESS = Address("ribera-1", "city-energy", ORIGIN)


@pytest.fixture
def page() -> Page:
    """The page."""
    return pages()["docs/recipients.md"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipient's folder: its key, a copy of the log, and bundles of two days, of which one was voided and one was lost."""
    monkeypatch.chdir(tmp_path)
    log, folder = GatewayLog(tmp_path / "log"), tmp_path / "bundles"
    folder.mkdir()
    (tmp_path / "city-energy.key").write_text(format_private(PRIVATE_KEY))
    (tmp_path / "city-energy.key").chmod(0o600)
    (tmp_path / "log.vkey").write_text(SIGNER.vkey() + "\n")
    log.fill(42)
    for day, fates in (("2026-05-04", ("here", "void", "here", "lost", "here")), ("2026-05-05", ("here",))):
        seals = ContentKey(_ADDRESS, day, sha256(day.encode()).digest(), PRIVATE_KEY.public_key())
        for number, fate in enumerate(fates):
            data = seals.seal([encode_record(record(number))], log.writer.size)
            index = log.add(sha256(data).digest())
            if fate == "here":
                (folder / f"{index}.bundle").write_bytes(data)
            if fate == "void":
                log.void(index, sha256(data).digest())
    log.add(bytes(32))  # another recipient's
    log.publish()
    return tmp_path


def test_recipients_page_shows_what_missing_prints(place: Path, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """The command as it stands there, and the output as it stands below."""
    (words,) = [words for words in calls(page, "sluice") if words[:2] == ["recipient", "missing"]]
    assert run_command(*words[1:]) == 1
    printed = capsys.readouterr().out
    assert printed in [block.text for block in page.blocks("text")]


def test_recipients_page_shows_how_a_bundle_is_opened(place: Path, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """On the command line and from Python, and the latter prints the counter too."""
    (words,) = [words for words in calls(page, "sluice") if "bundles/48.bundle" in words]
    assert run_command(*words[1:]) == 0
    assert "LAeq 50.25 dB" in capsys.readouterr().out
    (block,) = page.blocks("python")
    (place / "snippet.py").write_text(block.text)
    runpy.run_path("snippet.py")
    first, second = capsys.readouterr().out.splitlines()
    assert "day='2026-05-05', number=0" in first
    assert second.endswith("LAeq 50.25 dB")
