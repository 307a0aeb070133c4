"""A witness as a process of its own: every answer over HTTP, killed at its worst moment, and two that watch each other."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.audit.log.consistency_proofs import ConsistencyProofs
from gateway.audit.log.cosignature import cosignatures_in
from gateway.audit.log.folder import LogFolder
from gateway.audit.log.notes import Signer, Verifier, sign_note
from gateway.audit.log.reader import LogReader
from gateway.audit.log.submission import SIZE_TYPE, origin_hash
from gateway.audit.log.tiles import LogWriter
from gateway.audit.log.witness_policy import parse_policy
from gateway.edge.witnesses.quorum import Witnesses
from tests.support.checkout import ROOT
from tests.support.growing_log import GrowingLog
from tests.support.waiting import HANG_S
from tests.witness.witness_process import WitnessProcess

_KEY = Signer("gw.example/log", bytes(range(32)))
_OTHER_KEY = Signer("gw2.example/log", bytes(range(1, 33)))
_PLACE = f"/{origin_hash(_KEY.name)}/checkpoint"

Start = Callable[..., WitnessProcess]


@pytest.fixture
def witness_of(tmp_path: Path) -> Iterator[Start]:
    """Make witnesses that end with the test."""
    made: list[WitnessProcess] = []

    def make(*logs: Verifier, name: str = "witness.example") -> WitnessProcess:
        made.append(WitnessProcess(tmp_path / f"{len(made)}-{name}", name, list(logs) or [_KEY.verifier]))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_witness_answers_with_every_status_of_the_protocol(witness_of: Start) -> None:
    """200, 400, 403, 404, 409, 422, in one life of one process; only the 200s move it."""
    witness = witness_of().start()
    log, split = GrowingLog(_KEY, 9), GrowingLog(_KEY, 9, history="other ")
    assert witness.ask("GET", _PLACE).status == 404
    first = witness.post(log.request(0, 5))
    assert (first.status, first.content_type) == (200, "text/plain; charset=utf-8")
    assert cosignatures_in(log.note(5) + first.body, [witness.cosigner.verifier])
    for status, request in (
        (400, b"nonsense"),
        (400, log.request(7, 6, proof=[])),
        (403, GrowingLog(Signer(_KEY.name, bytes(32)), 9).request(5)),
        (404, GrowingLog(_OTHER_KEY, 9).request(0)),
        (409, log.request(0)),
        (422, log.request(5, proof=[])),
        (422, split.request(5)),
    ):
        assert witness.post(request).status == status
    conflict = witness.post(log.request(4))
    assert (conflict.body, conflict.content_type) == (b"5\n", SIZE_TYPE)
    assert witness.post(log.request(5)).status == 200
    seen = witness.ask("GET", _PLACE)
    assert seen.status == 200
    assert seen.body.startswith(log.checkpoint().text().encode())
    assert cosignatures_in(seen.body, [witness.cosigner.verifier])
    assert witness.stop() == 0


def test_witness_says_what_it_vouches_for_on_one_page_without_script(witness_of: Start) -> None:
    """Which logs, how far, and the proof where one was caught with two histories."""
    origin = "<script>&gw"
    key = Signer(origin, bytes(32))
    witness = witness_of(_KEY.verifier, key.verifier).start()
    log = GrowingLog(_KEY, 5)
    witness.post(log.request(0))
    page = witness.ask("GET", "/")
    text = page.body.decode()
    assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;&amp;gw" in text
    assert "<td>5</td>" in text
    assert witness.cosigner.vkey() in text
    assert "two histories" not in text
    split = GrowingLog(_KEY, 5, history="other ")
    assert witness.post(split.request(5)).status == 422
    assert "two histories" in witness.ask("GET", "/").body.decode()
    assert witness.ask("GET", _PLACE.replace("checkpoint", "contradiction")).body == split.note()
    assert witness.ask("GET", _PLACE).body.startswith(log.checkpoint().text().encode())
    assert witness.post(split.request(5)).status == 422
    assert witness.said().count("two histories") == 1, "told again at each request of whoever signed them"
    assert witness.ask("HEAD", "/").body == b""
    for method, path, status in (("GET", "/add-checkpoint", 405), ("DELETE", "/", 405), ("GET", "/../lock", 404)):
        assert witness.ask(method, path).status == status


@pytest.mark.parametrize(("when", "size"), [("before", 5), ("between", 5), ("after", 8)])
def test_witness_killed_around_its_write_remembers_all_that_it_answered(witness_of: Start, when: str, size: int) -> None:
    """Whatever an answer has said is on the disk; what was written without an answer is resumed from."""
    witness, log = witness_of().start(), GrowingLog(_KEY, 9)
    assert witness.post(log.request(0, 5)).status == 200
    witness.kill()
    witness.program = ("tests.witness.killed_witness", when)
    witness.start()
    with pytest.raises(OSError, match=r"closed|reset"):
        witness.post(log.request(5, 8))
    assert witness.process is not None
    assert witness.process.wait(HANG_S) == -signal.SIGKILL
    witness.program = ("gateway.witness",)
    witness.start()
    assert witness.post(GrowingLog(_KEY, 9, history="other ").request(size, 9)).status == 422
    assert witness.post(log.request(8 if size == 5 else 5, 9)).body == b"%d\n" % size
    assert witness.post(log.request(size, 9)).status == 200


def test_witness_killed_at_random_never_takes_back_what_it_cosigned(witness_of: Start) -> None:
    """Five times under a stream of growth: each size that was cosigned is still there or has been outgrown."""
    witness, log, cosigned = witness_of(), GrowingLog(_KEY, 600), 0
    for life in range(5):
        witness.start()
        answered = int(witness.post(log.request(600, 600)).body)
        assert answered >= cosigned
        cosigned = answered
        killer = threading.Timer(0.03 * (life + 1), witness.kill)
        try:
            for asked in itertools.count(1):
                assert witness.post(log.request(cosigned, cosigned + 1)).status == 200
                cosigned += 1
                if asked == 2:
                    killer.start()
        except OSError:
            killer.join()
    assert cosigned > 5


def test_concurrent_requests_for_one_log_are_cosigned_one_after_the_other(witness_of: Start) -> None:
    """Eight ask from the same old size with eight different new ones: one gets 200, the others 409."""
    witness, log = witness_of().start(), GrowingLog(_KEY, 30)
    assert witness.post(log.request(0, 5)).status == 200
    statuses: list[int] = []
    requests = [log.request(5, 6 + i) for i in range(8)]
    threads = [threading.Thread(target=lambda body=body: statuses.append(witness.post(body).status)) for body in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[409] * 7]


@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_forty_racing_clients_of_a_split_log_get_cosignatures_for_one_history(rounds: int, witness_of: Start) -> None:
    """Half of them show another past; each begins again where the witness says that it is. One history wins and stays."""
    witness = witness_of().start()
    histories = [GrowingLog(_KEY, 41 * rounds, history) for history in ("", "other")]
    cosigned: set[tuple[int, bytes]] = set()
    for end in range(41, 41 * rounds + 1, 41):
        barrier = threading.Barrier(_RACERS)
        racers = [_Racer(witness, histories[number % 2], end - number, barrier) for number in range(_RACERS)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert {racer.status for racer in racers} <= {200, 409, 422}
        cosigned |= {(one.size, one.size_root) for one in racers if one.status == 200}
        assert witness.ask("GET", _PLACE).body.split(b"\n")[1] == b"%d" % max(size for size, _ in cosigned)
    roots = [{(size, log.checkpoint(size).root) for size in range(41 * rounds + 1)} for log in histories]
    assert cosigned <= roots[0] or cosigned <= roots[1], "it has cosigned two histories"


_RACERS = 40


class _Racer(threading.Thread):
    """Asks for a cosignature of one size until it has one, is told of another history, or has been overtaken."""

    def __init__(self, witness: WitnessProcess, log: GrowingLog, size: int, barrier: threading.Barrier) -> None:
        super().__init__()
        self.size, self.size_root = size, log.checkpoint(size).root
        self.status = 0
        self._witness, self._log, self._barrier = witness, log, barrier

    def run(self) -> None:
        """Ask, all at once with the others."""
        known = 0
        self._barrier.wait(HANG_S)
        while known <= self.size:
            answer = self._witness.post(self._log.request(known, self.size))
            self.status = answer.status
            if self.status != 409:
                return
            known = int(answer.body)


def test_hanging_strangers_do_not_keep_the_witness_from_answering(witness_of: Start) -> None:
    """Forty connections that say half a request, or nothing, or garbage."""
    witness, log = witness_of().start(), GrowingLog(_KEY, 5)
    strangers = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(40)]
    try:
        for i, stranger in enumerate(strangers):
            stranger.sendall(
                (b"", b"POST /add-che", b"\x00\xff\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")[i % 4]
            )
        assert witness.post(log.request(0)).status == 200
    finally:
        for stranger in strangers:
            stranger.close()


def test_second_witness_on_one_folder_is_refused(witness_of: Start) -> None:
    """Two processes would each cosign what the other has not seen."""
    witness = witness_of().start()
    second = witness.twin()
    assert second.fails() == 2
    assert "runs on this folder already" in second.said()


def test_folder_that_is_not_the_witnesses_own_is_refused(witness_of: Start) -> None:
    """An empty folder may be a disk that is not mounted; another's folder would be another's word."""
    witness, other = witness_of(), witness_of(name="other.example")
    own = witness.state
    witness.state = other.state
    assert witness.fails() == 2
    assert "another witness" in witness.said()
    witness.state = own
    (own / "witness.vkey").unlink()
    assert witness.fails() == 2
    assert "is its disk mounted?" in witness.said()


def test_state_that_was_tampered_with_stops_the_witness(witness_of: Start) -> None:
    """Exit status 3, naming the file: it would otherwise go on from a size that it never cosigned."""
    witness, log = witness_of().start(), GrowingLog(_KEY, 5)
    assert witness.post(log.request(0)).status == 200
    witness.kill()
    file = witness.state / _PLACE[1:]
    file.write_bytes(file.read_bytes().replace(b"\n5\n", b"\n4\n"))
    assert witness.fails() == 3
    assert str(file) in witness.said()


def test_disk_that_refuses_ends_the_witness_without_an_answer(witness_of: Start) -> None:
    """What it could not write it does not say."""
    witness, log = witness_of().start(), GrowingLog(_KEY, 9)
    assert witness.post(log.request(0, 5)).status == 200
    (witness.state / origin_hash(_KEY.name) / ".checkpoint.new").mkdir()
    with pytest.raises(OSError, match=r"closed|reset"):
        witness.post(log.request(5))
    assert witness.process is not None
    assert witness.process.wait(HANG_S) == 2
    assert "the disk failed" in witness.said()
    (witness.state / origin_hash(_KEY.name) / ".checkpoint.new").rmdir()
    assert witness.start().post(log.request(9, 9)).body == b"5\n"


class _PublishedLog:
    """A log as a gateway has it: a writer, a folder with tiles, and a client for the witnesses of a policy."""

    def __init__(self, folder: Path, signer: Signer, watched_by: WitnessProcess) -> None:
        self.signer = signer
        self.folder = LogFolder(folder)
        self.writer = LogWriter(signer.name)
        self.published = 0
        policy = f"log {signer.vkey()}\nwitness neighbour {watched_by.cosigner.vkey()} {watched_by.url}\nquorum neighbour\n"
        self.policy = parse_policy(policy.encode(), "policy")
        self.witnesses = Witnesses(self.policy)

    async def publish(self, entries: int) -> bool:
        """Append, have the checkpoint cosigned, publish it; say whether an auditor with the policy accepts it."""
        for _ in range(entries):
            self.writer.append(os.urandom(20))
        self.folder.publish(self.writer.files_since(self.published), sign_note(self.writer.checkpoint().text(), self.signer))
        self.published = self.writer.size
        found = await self.witnesses.cosign(
            sign_note(self.writer.checkpoint().text(), self.signer),
            ConsistencyProofs(LogReader(self.folder.path), self.writer.size),
        )
        self.folder.publish({}, found.note)
        return self.policy.satisfied(LogReader(self.folder.path).checkpoint()).met


async def test_two_gateways_witness_each_other(witness_of: Start, tmp_path: Path) -> None:
    """Each one's witness watches the other's log, over restarts of either."""
    ours, theirs = witness_of(_OTHER_KEY.verifier, name="a.example"), witness_of(_KEY.verifier, name="b.example")
    log_a = _PublishedLog(tmp_path / "log-a", _KEY, theirs.start())
    log_b = _PublishedLog(tmp_path / "log-b", _OTHER_KEY, ours.start())
    for entries in (3, 1, 0, 300, 5):
        assert await log_a.publish(entries)
        assert await log_b.publish(2 * entries)
    theirs.kill()
    assert await log_b.publish(1)
    theirs.start()
    assert await log_a.publish(700)
    assert [standing.conflicts for standing in (*log_a.witnesses.standings, *log_b.witnesses.standings)] == [0, 0]


def test_witness_needs_nothing_of_what_the_gateway_needs() -> None:
    """Python, `cryptography` and `h11` are enough for a small box."""
    # What the machine's own start-up files have imported by then is not the witness's.
    code = (
        "import sys; before = set(sys.modules); import gateway.witness.__main__;"
        "added = set(sys.modules) - before - {'consent', 'consent.printable'};"
        "print(*sorted({name.partition('.')[0] for name in added} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    strangers = {name for name in done.stdout.split() if not name.startswith(("_", "gateway", "cryptography", "cffi", "h11"))}
    assert not {name for name in strangers if not name.startswith("__editable__")}
