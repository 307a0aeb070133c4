"""structlog, which every module that logs has from here, without what it would draw tracebacks with on a terminal.

Where it finds rich it imports it, with much of pygments: 4 MiB of every process. A log has its tracebacks as text
(``service.set_up_logging``); only the demo's screen is drawn with rich.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_rich() -> Iterator[None]:
    before = {"rich": sys.modules["rich"]} if "rich" in sys.modules else {}
    sys.modules["rich"] = None  # type: ignore[assignment]  # how Python is told that a module is not there
    try:
        yield
    finally:
        del sys.modules["rich"]
        sys.modules.update(before)


with _without_rich():
    import structlog

__all__ = ["structlog"]
