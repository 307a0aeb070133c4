"""`/.well-known/sluice.json`: what a log says of itself to whoever finds it on a web server, and whom to ask.

A convenience, like `log.vkey`: it says whose log this claims to be and by whom it is watched, and is no source of trust. It
changes when the policies do, and lies in the public folder before the checkpoint that covers them.
"""

from __future__ import annotations

import json
from typing import Any

from consent.core.policies.policy import PolicySet
from gateway.audit.log.notes import Verifier
from gateway.audit.log.witness_policy import Witness

FORMAT = "sluice-log/1"


def describe_log(log: Verifier, policies: PolicySet, witnesses: tuple[Witness, ...]) -> bytes:
    """Return the file.

    Args:
        log: The log's key, whose name is its origin.
        policies: Those in force; they name the controller.
        witnesses: Those that are asked to cosign.
    """
    city = policies.city
    described: dict[str, Any] = {
        "format": FORMAT,
        "origin": log.name,
        "vkey": log.vkey(),
        "controller": {"name": city.name, "address": city.address, "contact": city.contact},
        "openings": {"contact": city.data_protection_officer},
        "witnesses": [{"name": each.name, "vkey": each.verifier.vkey(), "url": each.url} for each in witnesses],
    }
    return (json.dumps(described, ensure_ascii=False, indent=2) + "\n").encode()
