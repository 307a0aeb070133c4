"""`sluice device`: what its options say of the devices to register."""

from __future__ import annotations

import argparse
import json
from typing import Any

from gateway.errors import OperatorError


def device_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read the devices to add from the options, or from a file of JSON lines."""
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [{"profile": args.profile, "zone": args.zone, "topic": args.topic, "subject": args.subject}]}
    try:
        lines = args.from_file.read_text().splitlines()
        return {"devices": [json.loads(line) for line in lines if line.strip()]}
    except OSError as error:
        raise OperatorError(f"`{args.from_file}`: {(error.strerror or 'cannot be read').lower()}") from error
    except ValueError as error:
        raise OperatorError(f"`{args.from_file}`: not one json object a line") from error
