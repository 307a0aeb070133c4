"""Writes the pages of `docs/` that are made from the source; `./dev docs` comes here."""

from __future__ import annotations

import sys

from tests.docs import configuration, files
from tests.support.checkout import ROOT

GENERATED = {"docs/configuration.md": configuration.page, "docs/files.md": files.page}
"""Page → what makes its text."""


def main() -> int:
    """Write every page anew, and say which."""
    for name, page in GENERATED.items():
        (ROOT / name).write_text(page())
        print(f"{name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
