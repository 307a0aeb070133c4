"""What is durable, or about to be, and in no publication yet: it is published with the next checkpoint that is signed.

``gateway.durable.state`` collects each commit here, and gives what a signed checkpoint covers to ``gateway.edge.publisher``.

`/.well-known/sluice.json` describes a log to whoever finds it on a web server, and names contacts. A convenience, like
`log.vkey`: it states whose log this claims to be and who witnesses it, and is not a source of trust. It changes when the
policies do, and is in the public folder before the checkpoint that covers them.
"""

from __future__ import annotations

import json
from typing import Any

from consent.core.policies.policy import PolicySet
from gateway.audit.log.notes import Verifier
from gateway.audit.log.tiles import LogWriter, labels_path
from gateway.audit.log.witness_policy import Witness
from gateway.core.effects import Commit, PackedOpening
from gateway.edge.publisher import Publication

FORMAT = "sluice-log/1"


class Unpublished:
    """What the next publication has to contain.

    Attributes:
        size: The log index up to which everything is published, or given to the publisher.
        files: Labels and policies, by path; the log supplies tiles and bundles of entries.
        openings: Openings of entries that are not exported yet, by log index.
        shortened: Exported openings that an erasure has shortened since, by log index.
        description: The log's description, where it may have changed since; empty where it has not.
        handovers: Those of the log's key, where the folder may lack some; empty where it lacks none.
    """

    def __init__(self, *, exports_openings: bool) -> None:
        """Begin with nothing.

        Args:
            exports_openings: Keep openings too, since there is a folder for them.
        """
        self._exports_openings = exports_openings
        self.size = 0
        self.files: dict[str, bytes] = {}
        self.openings: dict[int, PackedOpening] = {}
        self.shortened: dict[int, PackedOpening] = {}
        self.description = self.handovers = b""

    def collect(self, commit: Commit) -> None:
        """Add what a commit holds."""
        for row in commit.log:
            if row.labels is not None:
                self.files[labels_path(row.index)] = row.labels
            if self._exports_openings:
                self.openings[row.index] = row.opening
        for shorter in commit.openings if self._exports_openings else ():
            self.openings.pop(shorter.index, None)
            self.shortened[shorter.index] = shorter.opening

    def publication(self, log: LogWriter, checkpoint_note: bytes) -> Publication:
        """Return all of it as one publication under a checkpoint of the present log, and begin the next."""
        files = log.files_since(self.size) | self.files
        publication = Publication(files, checkpoint_note, self.openings, self.shortened, self.description, self.handovers)
        self.size = log.size
        self.files, self.openings, self.shortened, self.description, self.handovers = {}, {}, {}, b"", b""
        return publication


def describe_log(log: Verifier, policies: PolicySet, witnesses: tuple[Witness, ...]) -> bytes:
    """Return `/.well-known/sluice.json`.

    Args:
        log: The log's key, whose name is its origin.
        policies: The policies in force; they name the controller.
        witnesses: The witnesses that are asked to cosign.
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
