"""The pages that are made from the source are those that `./dev docs` would make now."""

from __future__ import annotations

import pytest

from tests.docs.__main__ import GENERATED
from tests.support.checkout import ROOT


@pytest.mark.parametrize("name", GENERATED)
def test_generated_page_is_up_to_date(name: str) -> None:
    """Whoever changes the source runs `./dev docs`."""
    assert (ROOT / name).read_text() == GENERATED[name](), f"{name} is not what the source says: run ./dev docs"
