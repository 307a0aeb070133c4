"""What is around the run of a bench: an empty folder, a line where it comes to nothing, and its result as text and as JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.consumers import BenchError
from tests.bench.timing import say


def reported(
    run: Callable[[Path], dict[str, Any]], as_text: Callable[[dict[str, Any]], str], file: Path | None
) -> dict[str, Any] | None:
    """Run a bench, print its result, and return it; None where it came to nothing, and said why.

    Args:
        run: What it does in an empty folder.
        as_text: Writes its result for people.
        file: Where to write it as JSON as well.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        try:
            result = run(Path(folder))
        except BenchError as error:
            say(str(error))
            return None
    print(as_text(result), end="")
    if file is not None:
        file.write_text(json.dumps(result, indent=2) + "\n")
    return result
