"""`python -m gateway.witness`: the witness's commands on a machine without the gateway's other dependencies."""

from __future__ import annotations

import sys

from gateway.errors import SluiceError
from gateway.terminal import command_parser, exit_status, guard_streams
from gateway.witness import command


def main() -> int:
    """Run a command; return its exit status."""
    guard_streams()
    parser = command_parser("python -m gateway.witness", "A witness for logs.")
    command.add_arguments(parser)
    args = parser.parse_args()
    return exit_status(lambda: command.run(args), (SluiceError,))


if __name__ == "__main__":
    sys.exit(main())
