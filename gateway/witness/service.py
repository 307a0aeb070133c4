"""The witness's answers over HTTP: cosignatures for logs, checkpoints for monitors, one page for people.

The order of an answer is fixed: decide, store, update memory, answer. All of it happens within one turn of the event loop, so no
other request comes in between. If the disk fails, the error ends the process without an answer.

Source: C2SP tlog-witness.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from gateway.audit.log.handover import HandoverError
from gateway.audit.log.submission import LogWitness, Submission, origin_hash
from gateway.errors import CorruptionError
from gateway.http.server import Request, Response
from gateway.terminal import complain
from gateway.witness.folder import WitnessFolder
from gateway.witness.page import page

_CHECKPOINT_PATH = re.compile(r"/([0-9a-f]{64})/(checkpoint|contradiction)")


class WitnessService:
    """One witness with its state.

    Args:
        witness: Decides what to cosign.
        folder: Stores what was cosigned.
        clock: Returns Unix time in seconds.
    """

    def __init__(self, witness: LogWitness, folder: WitnessFolder, clock: Callable[[], float] = time.time) -> None:
        self._witness = witness
        self._folder = folder
        self._clock = clock
        self._seen = folder.load(witness.origins)
        for origin in witness.origins:
            if handovers := folder.handovers(origin):
                _follow(witness, folder, origin, handovers)
        self._by_hash = {origin_hash(origin): origin for origin in witness.origins}

    def answer(self, request: Request) -> Response:
        """Return the response to one request.

        Raises:
            OSError: when the disk fails.
        """
        if request.path == "/add-checkpoint":
            if request.method != "POST":
                return _wrong_method("POST")
            return self._add_checkpoint(request.body)
        if request.path == "/add-log-keys":
            return self._add_log_keys(request.body) if request.method == "POST" else _wrong_method("POST")
        if request.method not in ("GET", "HEAD"):
            return _wrong_method("GET, HEAD")
        if request.path == "/":
            contradicted = {origin for origin in self._witness.origins if self._folder.contradiction(origin) is not None}
            return page(self._witness.cosigner.verifier, self._witness.origins, self._seen, contradicted)
        if asked := _CHECKPOINT_PATH.fullmatch(request.path):
            return self._stored(*asked.groups())
        return Response(404, b"there is nothing here\n")

    def _add_checkpoint(self, body: bytes) -> Response:
        answer = self._witness.add_checkpoint(body, self._seen, int(self._clock()))
        if answer.seen is not None or answer.contradiction:
            submission = Submission.parse(body)
            origin = submission.checkpoint.origin
            if answer.seen is not None:
                self._folder.store(origin, answer.seen)
                self._seen[origin] = answer.seen
            else:
                if self._folder.keep_contradiction(origin, submission.note):
                    complain(f"log `{origin}` has signed two histories")
        return Response(answer.status, answer.body, answer.content_type)

    def _add_log_keys(self, body: bytes) -> Response:
        answer = self._witness.add_log_keys(body)
        if answer.handovers is not None:
            self._folder.store_handovers(answer.origin, answer.handovers)
            complain(f"log `{answer.origin}` was handed over to another key")
        return Response(answer.status, answer.body)

    def _stored(self, hash_: str, name: str) -> Response:
        origin = self._by_hash.get(hash_)
        found: bytes | None = None
        if origin is not None and name == "contradiction":
            found = self._folder.contradiction(origin)
        elif origin in self._seen:
            found = self._seen[origin].note
        return Response(404, b"nothing is known of this log\n") if found is None else Response(200, found)


def _follow(witness: LogWitness, folder: WitnessFolder, origin: str, handovers: bytes) -> None:
    """Follow what an earlier run has learnt of a log's key.

    Raises: CorruptionError: it does not lead on from the keys that this one was given.
    """
    try:
        witness.follow(origin, handovers)
    except HandoverError as error:
        raise CorruptionError(f"`{folder.path}`: the handovers of the key of `{origin}`: {error}") from error


def _wrong_method(allowed: str) -> Response:
    return Response(405, b"another method is needed here\n", headers=(("Allow", allowed),))
