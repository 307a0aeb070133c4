"""Where the shell script ``dev`` hands over: the only place that touches the import path and signals."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.dev.commands import main

if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, so that an installer ends with us
        signal.signal(number, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
