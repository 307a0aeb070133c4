"""How long a test waits for something that has to come: long enough that only what hangs runs into it, on however busy a machine.

No test is about speed; what is waited for is an event, and this is the end of the patience with one that never comes.
"""

from __future__ import annotations

HANG_S = 120.0
"""Seconds."""
