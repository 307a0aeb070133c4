"""Writes the lock files from ``pyproject.toml``: every package with its hashes, for every platform, no index named.

Three files, so that each place installs what it needs and no more: the gateway's own packages, those and the
test tools, and what builds the project. The second is resolved under the first, so the versions agree.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from deploy.dev.environment import BUILD_LOCK, DEVELOPMENT_LOCK, RUNTIME_LOCK

#: The header names our command, not uv's: that one would spell out a developer's paths.
_OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=./dev lock",
)


def main(arguments: Sequence[str]) -> int:
    """Write the three files; arguments such as ``--upgrade`` go to uv. Returns uv's exit status."""
    build_requires = tomllib.loads(Path("pyproject.toml").read_text())["build-system"]["requires"]
    status = _compile(["-"], BUILD_LOCK, arguments, "\n".join(build_requires))
    status = status or _compile(["pyproject.toml"], RUNTIME_LOCK, arguments)
    return status or _compile(["pyproject.toml", "--extra=dev", f"--constraint={RUNTIME_LOCK}"], DEVELOPMENT_LOCK, arguments)


def _compile(sources: Sequence[str], target: Path, arguments: Sequence[str], given: str = "") -> int:
    command = [sys.executable, "-m", "uv", "pip", "compile", *sources, *_OPTIONS, *arguments, f"--output-file={target}"]
    status = subprocess.run(command, input=given, text=True, stdout=subprocess.DEVNULL, check=False).returncode
    print(f"{target}: {'written' if status == 0 else 'failed'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
