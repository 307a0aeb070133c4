"""Where the shell script ``dev`` hands over: the only place that touches the import path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.dev.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
