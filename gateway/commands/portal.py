"""`sluice portal`: the public's web pages, a process of its own beside the gateway, with a configuration of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.commands.parser import Parser, Verbs, verb
from gateway.errors import OperatorError

PORTAL_FILE = Path("/etc/sluice/portal.toml")
"""As ``consent.portal.config`` has it, which is imported only where the portal runs."""


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verb and its option."""
    parser = verb(verbs, "portal", "show the public what is sensed and what became of it, as web pages", serve)
    text = f"the portal's own configuration (default: {PORTAL_FILE})"
    parser.add_argument("--config", type=Path, default=PORTAL_FILE, metavar="FILE", help=text)


def serve(args: argparse.Namespace) -> int:
    """Serve the pages until the process is told to end.

    Raises: OperatorError: the configuration cannot be used.
    """
    from consent.portal.config import PortalConfigError
    from consent.portal.serve import run

    try:
        return run(args.config)
    except PortalConfigError as error:
        raise OperatorError(str(error)) from error
