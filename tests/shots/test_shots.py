"""The pictures that are kept are there, small, of the size that is said, and shown in the README; the gallery shows all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shots.gallery import write_gallery
from tests.shots.kept import FOLDER, KEPT, MOST_BYTES, OWN, Kept
from tests.shots.taken import Shot
from tests.support.checkout import ROOT


@pytest.mark.parametrize("kept", [*KEPT, *OWN], ids=lambda kept: kept.name)
def test_kept_picture_is_small_and_of_its_size(kept: Kept) -> None:
    """A WebP (RFC 9649) as wide and high as its page was shot."""
    picture = kept.file.read_bytes()
    assert len(picture) <= MOST_BYTES
    assert (picture[:4], picture[8:16]) == (b"RIFF", b"WEBPVP8X")
    size = 1 + int.from_bytes(picture[24:27], "little"), 1 + int.from_bytes(picture[27:30], "little")
    assert size == (kept.width, kept.height)


def test_kept_pictures_are_those_that_the_documentation_shows() -> None:
    """None is forgotten there, and none lies about."""
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(kept.file.name for kept in (*KEPT, *OWN))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for kept in KEPT:
        assert kept.name.endswith("-phone") or f"docs/shots/{kept.file.name}" in readme, kept.name
    story = (ROOT / "docs" / "citizens.md").read_text(encoding="utf-8")
    for kept in OWN:
        assert f"](shots/{kept.file.name})" in story, kept.name


def test_gallery_shows_every_picture_once(tmp_path: Path) -> None:
    """By state and page, whatever stands in an address."""
    shots = [Shot("a.png", "usual", "/", "360 light"), Shot("b.png", "usual", "/", "print"), Shot("c.png", "away", "/<b>", "x")]
    text = write_gallery(tmp_path, shots).read_text()
    assert [text.count(f'src="{shot.file}"') for shot in shots] == [1, 1, 1]
    assert text.count("<h2>") == 2
    assert "/&lt;b&gt;" in text
