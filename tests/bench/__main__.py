"""``./dev bench NAME``: measurements against peers on this machine."""

from __future__ import annotations

import sys

import pytest

from tests.bench import audit, blocks, closing, consent, formats, ingest, portal, steady

BENCHES = {
    "ingest": ingest.main,
    "consent": consent.main,
    "audit": audit.main,
    "formats": formats.main,
    "closing": closing.main,
    "blocks": blocks.main,
    "portal": portal.main,
    "steady": steady.main,
}


def main(arguments: list[str]) -> int:
    """Run a bench; return the exit status, 2 where there is none of that name or a peer is not installed."""
    name = arguments[0] if arguments else ""
    if name not in BENCHES:
        print(f"bench: no bench `{name}`; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    try:
        return BENCHES[name](arguments[1:])
    except pytest.skip.Exception as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
