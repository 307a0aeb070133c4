"""Writes the lock files from ``pyproject.toml``: every package with its hashes, for every platform, naming no index.

There are three: what builds the project, what the gateway needs, and that together with the test tools. The third is resolved
under the constraints of the second, so that the versions agree.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from deploy.dev.environment import BUILD_LOCK, DEVELOPMENT_LOCK, RUNTIME_LOCK

#: The header is to name our command, not uv's, which would show a developer's paths.
_OPTIONS = (
    *("--quiet", "--universal", "--python-version=3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command=./dev lock"),
)


def main(arguments: Sequence[str]) -> int:
    """Write the three files and return uv's exit status; arguments such as ``--upgrade`` go to uv."""
    build = "\n".join(tomllib.loads(Path("pyproject.toml").read_text())["build-system"]["requires"])
    return (
        _compile(BUILD_LOCK, "-", *arguments, given=build)
        or _compile(RUNTIME_LOCK, "pyproject.toml", *arguments)
        or _compile(DEVELOPMENT_LOCK, "pyproject.toml", "--extra=dev", f"--constraint={RUNTIME_LOCK}", *arguments)
    )


def _compile(target: Path, *arguments: str, given: str = "") -> int:
    command = [sys.executable, "-m", "uv", "pip", "compile", *arguments, *_OPTIONS, f"--output-file={target}"]
    status = subprocess.run(command, input=given, text=True, stdout=subprocess.DEVNULL, check=False).returncode
    print(f"{target}: {'written' if status == 0 else 'failed'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
