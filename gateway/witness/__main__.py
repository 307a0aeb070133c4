"""`python -m gateway.witness`: the witness's commands on a machine without the gateway's other dependencies."""

from __future__ import annotations

import argparse
import sys

from gateway.errors import SluiceError
from gateway.files import AnothersFolderError
from gateway.witness import command


def main() -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway.witness", description="A witness for logs.", allow_abbrev=False)
    command.add_arguments(parser)
    try:
        return command.run(parser.parse_args())
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_status
    except AnothersFolderError as error:
        print(f"sluice: {error.line([sys.executable, '-m', 'gateway.witness', *sys.argv[1:]])}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
