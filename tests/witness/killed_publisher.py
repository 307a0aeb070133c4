"""The gateway's program, which dies by SIGKILL where it would publish a checkpoint that its witnesses have cosigned.

It does so once the file `die` lies in the folder where it was started.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

from gateway.audit.log.folder import LogFolder
from gateway.cli import main

_publish = LogFolder.publish


def _die_first(self: LogFolder, files: Mapping[str, bytes], checkpoint_note: bytes) -> None:
    if (self.path.parent / "die").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    _publish(self, files, checkpoint_note)


LogFolder.publish = _die_first  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
