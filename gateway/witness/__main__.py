"""`python -m gateway.witness`: the witness's commands on a machine without the gateway's other dependencies."""

from __future__ import annotations

import sys

from gateway.errors import OperatorError, SluiceError
from gateway.files import AnothersFolderError
from gateway.terminal import command_parser, exit_status, guard_streams
from gateway.witness import arguments


def main() -> int:
    """Run a command; return its exit status."""
    guard_streams()
    parser = command_parser("python -m gateway.witness", "A witness for logs.")
    arguments.add_arguments(parser)
    args = parser.parse_args()

    def run() -> int:
        try:
            return arguments.run(args)
        except AnothersFolderError as error:
            raise OperatorError(error.line([sys.executable, "-m", "gateway.witness", *sys.argv[1:]])) from error

    return exit_status(run, (SluiceError,))


if __name__ == "__main__":
    sys.exit(main())
