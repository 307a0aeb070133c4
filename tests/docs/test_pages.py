"""Links lead somewhere, paths exist, every page is found from the index, and the picture is sound."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.docs.pages import Page, pages
from tests.support.checkout import ROOT

PAGES = pages()
_SVG = "{http://www.w3.org/2000/svg}"
_PATH = re.compile(r"^(?:gateway|consent|firmware_sim|tests|deploy|docs|policies)/[\w./-]*$")


def targets(page: Page) -> list[tuple[str, str]]:
    """Return the (path from the top, anchor) of each link within the checkout."""
    found = []
    for link in page.links():
        if "://" not in link:
            path, _, anchor = link.partition("#")
            place = page.path if not path else (page.path.parent / path).resolve()
            found.append((place.relative_to(ROOT).as_posix(), anchor))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page_links_lead_somewhere(name: str) -> None:
    """To a file or folder that is there, and to a heading that it has."""
    for path, anchor in targets(PAGES[name]):
        assert (ROOT / path).exists(), path
        if anchor:
            assert anchor in PAGES[path].anchors(), f"{path}#{anchor}"


@pytest.mark.parametrize("name", PAGES)
def test_page_names_only_files_that_exist(name: str) -> None:
    """What looks like a path of the source between backticks is one."""
    gone = [word for word in PAGES[name].code_words() if _PATH.match(word) and not (ROOT / word).exists()]
    assert not [word for word in gone if not word.startswith(("policies/keys", "docs/ "))]


def test_pages_are_all_found_from_readme_or_the_index() -> None:
    """No page is an orphan."""
    linked = {path for start in ("README.md", "docs/README.md") for path, _ in targets(PAGES[start])}
    assert {name for name in PAGES if name.startswith("docs/") and name != "docs/README.md"} <= linked


def test_index_tells_of_every_page() -> None:
    """The index of `docs/` is whole."""
    linked = {path for path, _ in targets(PAGES["docs/README.md"])}
    assert {name for name in PAGES if name.startswith("docs/") and name != "docs/README.md"} <= linked


def test_picture_is_sound_and_stands_alone() -> None:
    """It is well-formed, says in words what it shows, and fetches nothing."""
    picture = ET.parse(ROOT / "docs" / "picture.svg").getroot()  # noqa: S314  our own file
    assert picture.tag == f"{_SVG}svg"
    assert all(len((picture.findtext(f"{_SVG}{tag}") or "").split()) > 4 for tag in ("title", "desc"))
    assert not [each for each in picture.iter() if any("href" in name or name == "src" for name in each.attrib)]
    assert "prefers-color-scheme: dark" in (picture.findtext(f"{_SVG}style") or "")
