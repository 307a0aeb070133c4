"""Writes the pages of `docs/` that are made from the source; `./dev docs` comes here."""

from __future__ import annotations

import sys

from tests.docs import configuration, control, files
from tests.support.checkout import ROOT

GENERATED = {
    "docs/configuration.md": configuration.page,
    "docs/files.md": files.page,
    control.PAGE: control.page,
    control.SCHEMA: control.schema,
}
"""Page → what makes its text."""


def main() -> int:
    """Write every page anew, and say which."""
    for name, page in GENERATED.items():
        (ROOT / name).write_text(page())
        print(f"{name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
