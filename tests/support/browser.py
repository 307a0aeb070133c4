"""Debian's Chromium, driven by Playwright: a fresh one for a test, which knows of no earlier visit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.support.waiting import HANG_S

CHROMIUM: Final = "/usr/bin/chromium"
HANG_MS: Final = HANG_S * 1000


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """Yield a browser; each of its contexts is somebody with no past."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, *options], timeout=HANG_MS)
        try:
            yield browser
        finally:
            browser.close()
