"""The log's side of witnessing: it collects what honest witnesses give, and nothing that others do holds it up or misleads it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.audit.log.cosignature import Cosigner, signature_lines
from gateway.audit.log.notes import Signer, split_note
from gateway.audit.log.reader import FileError
from gateway.audit.log.submission import Answer, LogWitness
from gateway.audit.log.witness_policy import parse_policy
from gateway.edge.http import MAX_BODY_BYTES, Endpoint, HttpError, post
from gateway.edge.witnesses.client import Timeouts
from gateway.edge.witnesses.quorum import ALARM_S, Witnesses
from gateway.errors import CorruptionError, OperatorError
from tests.support.authority import Authority
from tests.support.growing_log import GrowingLog
from tests.support.inside import until
from tests.support.waiting import HANG_S
from tests.witness.hostile_witness import (
    NOW_S,
    LocalWitness,
    Respond,
    dripping,
    flooding,
    honest,
    reply,
    rewritten,
    saying,
    serving,
    silent,
)

_KEY = Signer("gw.example/log", bytes(range(32)))
_HURRIED = Timeouts(bound_s=2.4, request_s=1.0, grace_s=0.05, pause_s=0.01, longest_pause_s=0.05)
_SLACK_S = 1.0  # for a machine that others use too


@pytest.fixture(autouse=True)
def _logs_of_every_level() -> None:
    """Log as nobody has configured it: what is logged is looked at here, whatever an earlier test has set up."""
    structlog.reset_defaults()


def _local(name: str, respond: Respond = honest) -> LocalWitness:
    cosigner = Cosigner(f"{name}.example", name.encode().ljust(32))
    return LocalWitness(cosigner, LogWitness(cosigner, [_KEY.verifier]), respond)


class _Town:
    """Witnesses that serve, and a client for the policy that names them."""

    def __init__(self, *witnesses: LocalWitness, quorum: str = "group all-of-them all {names}\nquorum all-of-them") -> None:
        self.locals = witnesses
        self.quorum = quorum
        self.now_s = 0.0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Witnesses:
        lines = [f"log {_KEY.vkey()}"]
        for each in self.locals:
            await self._stack.enter_async_context(serving(each))
            lines.append(f"witness {each.cosigner.name.split('.')[0]} {each.cosigner.vkey()} {each.url}")
        names = " ".join(each.cosigner.name.split(".")[0] for each in self.locals)
        policy = parse_policy("\n".join([*lines, self.quorum.format(names=names)]).encode(), "policy")
        return Witnesses(policy, _HURRIED, clock_s=lambda: self.now_s)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def test_note_is_cosigned_by_all_in_the_order_of_the_policy() -> None:
    """And satisfies the policy that an auditor has."""
    log = GrowingLog(_KEY, 5)
    async with _Town(_local("b"), _local("a"), _local("c")) as witnesses:
        found = await witnesses.cosign(log.note(), log)
        assert found.met
        assert found.cosigned == dict.fromkeys("bac", NOW_S)
        assert [one.name for one in split_note(found.note)[1]] == ["gw.example/log", "b.example", "a.example", "c.example"]
        assert str(witnesses.policy.satisfied(found.note)) == "3 of 3 witnesses, quorum met"


async def test_proof_begins_where_the_witness_stands() -> None:
    """One request for each growth, and none with a size that it has to correct, once it is known."""
    log, local = GrowingLog(_KEY, 5), _local("a")
    async with _Town(local) as witnesses:
        for size in (3, 3, 4, 5):
            assert (await witnesses.cosign(log.note(size), log)).met
        assert local.old_sizes == [0, 3, 3, 4]
        (standing,) = witnesses.standings
        assert (standing.asked, standing.cosigned, standing.conflicts, standing.failures, standing.size) == (4, 4, 0, 0, 5)


async def test_witness_that_has_seen_the_log_before_is_asked_again_from_there() -> None:
    """After a restart nobody here knows how far it is: it says so by 409."""
    log, local = GrowingLog(_KEY, 9), _local("a")
    local.judge(log.request(0, 4))
    async with _Town(local) as witnesses:
        assert (await witnesses.cosign(log.note(), log)).met
        assert local.old_sizes == [0, 4]
        assert witnesses.standings[0].conflicts == 0


async def test_witness_that_went_on_without_us_is_asked_again_and_counted() -> None:
    """Its answer was lost, say, after it had stored the checkpoint: the same size is cosigned without a proof."""
    log, local = GrowingLog(_KEY, 9), _local("a")
    async with _Town(local) as witnesses:
        assert (await witnesses.cosign(log.note(4), log)).met
        local.judge(log.request(4, 9))
        assert (await witnesses.cosign(log.note(9), log)).met
        assert local.old_sizes == [0, 4, 9]
        assert witnesses.standings[0].conflicts == 1


async def test_witness_ahead_of_the_log_objects() -> None:
    """It has seen more than there is: an old state was restored. While running that is an alarm, told once."""
    log, local = GrowingLog(_KEY, 9), _local("a")
    local.judge(log.request(0, 9))
    async with _Town(local) as witnesses:
        with capture_logs() as logs:
            for _ in range(2):
                found = await witnesses.cosign(log.note(5), log)
        assert (found.met, [str(one) for one in found.objections]) == (
            False, ["witness `a` has cosigned `9` entries of this log"],
        )  # fmt: skip
        assert found.note == log.note(5)
        assert witnesses.standings[0].conflicts == 2
        assert [line["event"] for line in logs] == ["a witness has seen another history of this log"]


async def test_witness_of_another_history_objects() -> None:
    """A card restored and grown past its old size has a fork: 422, however good its signature."""
    log, local = GrowingLog(_KEY, 9), _local("a")
    local.judge(GrowingLog(_KEY, 7, history="lost ").request(0, 7))
    async with _Town(local) as witnesses:
        found = await witnesses.cosign(log.note(), log)
        assert [one.size for one in found.objections] == [None]
        assert not found.cosigned


@pytest.mark.parametrize("size", [5, 9])
async def test_confirm_old_or_forked_state_stops_the_start(size: int) -> None:
    """Exit status 3: signing on would fork the log for good, also where another witness knows nothing yet."""
    log, knowing = GrowingLog(_KEY, size, history="" if size == 5 else "forked "), _local("a")
    knowing.judge(GrowingLog(_KEY, 7).request(0, 7))
    async with _Town(knowing, _local("b"), quorum="group any-of any {names}\nquorum any-of") as witnesses:
        with pytest.raises(CorruptionError, match="an old state was restored") as caught:
            await witnesses.confirm(log.note(), log)
    assert caught.value.exit_status == 3


async def test_confirm_hears_out_a_witness_that_is_slower_than_the_others() -> None:
    """A quorum that knows nothing does not outvote the one that knows."""

    async def slow(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        await honest(witness, body, writer)

    knowing, log = _local("a", slow), GrowingLog(_KEY, 5)
    knowing.judge(GrowingLog(_KEY, 7).request(0, 7))
    async with _Town(knowing, _local("b"), quorum="group any-of any {names}\nquorum any-of") as witnesses:
        with pytest.raises(CorruptionError, match="`7` entries"):
            await witnesses.confirm(log.note(), log)


async def test_confirm_empty_log_whose_keys_are_old_stops_the_start() -> None:
    """A database that was lost while the keys were kept would begin the same log anew."""
    knowing = _local("a")
    knowing.judge(GrowingLog(_KEY, 7).request(0, 7))
    fresh = GrowingLog(_KEY)
    async with _Town(knowing) as witnesses:
        with pytest.raises(CorruptionError, match="`7` entries"):
            await witnesses.confirm(fresh.note(), fresh)
    async with _Town(_local("a")) as witnesses:
        assert (await witnesses.confirm(fresh.note(), fresh)).cosigned == {"a": NOW_S}


async def test_confirm_waits_until_a_witness_answers() -> None:
    """One is enough; that it waits is said once."""
    log, late = GrowingLog(_KEY, 5), _local("a", saying(reply(503, b"")))
    async with _Town(late, _local("b", silent)) as witnesses:
        with capture_logs() as logs:
            confirming = asyncio.create_task(witnesses.confirm(log.note(), log))
            await until(lambda: len(late.bodies) > 100)  # in more than one turn of asking
            assert not confirming.done()
            late.respond = honest
            assert (await confirming).cosigned == {"a": NOW_S}
    events = [line["event"] for line in logs]
    assert events.count("no witness answers: nothing is signed or released until one does") == 1
    assert events.count("a witness does not cosign") == 2
    assert events.count("a witness cosigns again") == 1


def _with(change: Callable[[Answer], bytes]) -> Respond:
    return rewritten(lambda answer: reply(answer.status, change(answer)))


_TEXT = split_note(GrowingLog(_KEY, 5).note())[0]
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_MISBEHAVIOUR: dict[str, Respond] = {
    "silent": silent,
    "dripping": dripping,
    "flooding": flooding,
    "hanging-up": saying(b""),
    "garbage": saying(b"\x00\xff" * 1000),
    "garbage-without-a-line-end": saying(b"A" * 100_000),
    "half-a-head": saying(b"HTTP/1.1 200 OK\r\n"),
    "only-ever-going-to": saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "short-body": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
    "announced-flood": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"),
    "negative-length": saying(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "malformed-chunk": saying(_CHUNKED + b"zz\r\n"),
    "chunk-that-does-not-end": saying(_CHUNKED + b"1\r\nabc\r\n0\r\n\r\n"),
    "huge-chunk": saying(_CHUNKED + b"fffffff\r\n"),
    "unknown-coding": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "redirecting": saying(reply(302, b"", "Location: http://127.0.0.1/\r\n")),
    "400": saying(reply(400, b"")),
    "403": saying(reply(403, b"")),
    "404": saying(reply(404, b"")),
    "500": saying(reply(500, b"")),
    "409-without-a-size": saying(reply(409, b"five\n")),
    "409-at-the-size-asked-from": saying(reply(409, b"0\n")),
    "200-without-a-cosignature": saying(reply(200, b"")),
    "a-strangers-cosignature": saying(reply(200, signature_lines([Cosigner("x", bytes(32)).cosign(_TEXT, NOW_S)]))),
    "another-checkpoints": _with(lambda answer: answer.body.replace(answer.body[-20:-10], b"AAAAAAAAAA")),
    "half-a-cosignature": _with(lambda answer: answer.body[:-9] + b"\n"),
    "a-line-of-text-before-it": _with(lambda answer: b"\n" + answer.body),
}


async def test_witnesses_that_do_not_behave_cost_at_most_the_bound() -> None:
    """All kinds at once: the note goes on with what the one honest gave, in time, and each other is counted as failing."""
    log, patience = GrowingLog(_KEY, 5), Timeouts(bound_s=8, request_s=2, pause_s=0.1)
    async with _Town(*(_local(name, bad) for name, bad in _MISBEHAVIOUR.items()), _local("honest")) as witnesses:
        patient = Witnesses(witnesses.policy, patience)
        begun_s = time.monotonic()
        found = await patient.cosign(log.note(), log)
        assert time.monotonic() - begun_s < patience.bound_s + _SLACK_S
        assert (found.met, found.cosigned, found.objections) == (False, {"honest": NOW_S}, ())
        *bad, good = patient.standings
        assert (good.cosigned, good.failures) == (1, 0)
        assert [each.name for each in bad if each.cosigned or not each.failures or not each.problem] == []
        refused = {each.name for each in bad if each.asked == 1}
        assert refused == {"redirecting", "400", "403", "404"}


async def test_witness_that_is_cut_off_while_asked_again_keeps_the_reason_of_before() -> None:
    """The operator reads why it fails, not merely that the time was over."""

    async def worse_and_worse(witness: LocalWitness, body: bytes, writer: asyncio.StreamWriter) -> None:
        await (saying(reply(503, b"")) if len(witness.bodies) == 1 else silent)(witness, body, writer)

    log = GrowingLog(_KEY, 5)
    async with _Town(_local("a", worse_and_worse)) as witnesses:
        await witnesses.cosign(log.note(), log)
        assert witnesses.standings[0].problem == "it answers 503"


async def test_witness_that_does_not_listen_costs_at_most_the_bound() -> None:
    """Refused connections are tried again, with pauses, and given up."""
    log, gone = GrowingLog(_KEY, 5), _local("a")
    async with serving(gone):
        pass
    policy = parse_policy(f"witness a {gone.cosigner.vkey()} {gone.url}\nquorum a\n".encode(), "policy")
    witnesses = Witnesses(policy, _HURRIED)
    begun_s = time.monotonic()
    found = await witnesses.cosign(log.note(), log)
    assert time.monotonic() - begun_s < _HURRIED.bound_s + _SLACK_S
    assert found.note == log.note()
    assert 2 < witnesses.standings[0].failures < 100


async def test_quorum_once_met_waits_for_others_only_for_the_grace() -> None:
    """A dead third witness does not make each publication last the bound."""
    log, patience = GrowingLog(_KEY, 5), Timeouts(bound_s=30, request_s=30, grace_s=0.1)
    async with _Town(_local("a"), _local("b", silent), quorum="group one any {names}\nquorum one") as witnesses:
        patient = Witnesses(witnesses.policy, patience)
        begun_s = time.monotonic()
        assert (await patient.cosign(log.note(), log)).cosigned == {"a": NOW_S}
        assert time.monotonic() - begun_s < patience.grace_s + _SLACK_S
        slow = patient.standings[1]
        assert (slow.asked, slow.failures, slow.problem) == (1, 1, "no answer in time")


async def test_answers_in_chunks_behind_a_promise_and_with_strangers_lines_are_understood() -> None:
    """What a proxy makes of an answer, and a witness with a second key of another kind."""
    log = GrowingLog(_KEY, 5)

    def chunked(answer: Answer) -> bytes:
        body = signature_lines([Cosigner("stranger", bytes(32)).cosign(_TEXT, 1)]) + answer.body
        parts = [body[at : at + 50] for at in range(0, len(body), 50)]
        chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(part), part) for part in parts)
        return b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"

    to_the_end = rewritten(lambda answer: b"HTTP/1.0 200 OK\r\n\r\n" + answer.body)
    async with _Town(_local("a", rewritten(chunked)), _local("b", to_the_end)) as witnesses:
        assert (await witnesses.cosign(log.note(), log)).met


@pytest.mark.parametrize(
    "respond",
    [
        flooding,
        saying(reply(200, bytes(MAX_BODY_BYTES + 1))),
        saying(_CHUNKED + b"10000\r\n%b\r\n1\r\nx\r\n0\r\n\r\n" % bytes(0x10000)),
    ],
    ids=["without end", "announced", "in chunks"],
)
async def test_answer_longer_than_any_is_broken_off(respond: Respond) -> None:
    """By its length, not by the clock: what a witness may take of our memory is bounded."""
    async with serving(_local("a", respond)) as flood:
        with pytest.raises(HttpError, match=f"more than {MAX_BODY_BYTES} bytes"):
            await asyncio.wait_for(post(Endpoint.parse(flood.url), "/add-checkpoint", b""), HANG_S)


async def test_witness_behind_tls_is_asked_only_where_its_certificate_is_trusted(tmp_path: Path) -> None:
    """A server that somebody else put in its place gets nothing, and its certificate is the reason told."""
    log, local, authority = GrowingLog(_KEY, 5), _local("a"), Authority(tmp_path)
    certificate, key = authority.issue("witness")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serving(local, context):
        url = local.url.replace("http:", "https:")
        policy = parse_policy(f"witness a {local.cosigner.vkey()} {url}\nquorum a\n".encode(), "policy")
        trusting = Witnesses(policy, Timeouts(bound_s=HANG_S), authority.file)
        assert (await trusting.cosign(log.note(), log)).met
        wary = Witnesses(policy, Timeouts(bound_s=HANG_S, request_s=HANG_S))
        asking = asyncio.create_task(wary.cosign(log.note(), log))
        async with asyncio.timeout(HANG_S):
            while not wary.standings[0].problem:  # noqa: ASYNC110  # the standing under test is a plain record
                await asyncio.sleep(0.005)
        asking.cancel()
        assert "certificate" in str(wary.standings[0].problem)
        assert len(local.bodies) == 1


async def test_quorum_missing_for_an_hour_is_alarmed_hourly() -> None:
    """And told by a figure all the time."""
    log, local = GrowingLog(_KEY, 5), _local("a", saying(reply(404, b"")))
    town = _Town(local)
    async with town as witnesses:
        with capture_logs() as logs:
            for town.now_s in (10.0, ALARM_S - 1, ALARM_S, ALARM_S + 10, 2 * ALARM_S + 1):
                await witnesses.cosign(log.note(), log)
        alarms = [line["minutes"] for line in logs if line["event"] == "no quorum of witnesses for an hour or longer"]
        assert alarms == [60, 120]
        assert witnesses.seconds_since_quorum() == 2 * ALARM_S + 1
        local.respond = honest
        assert (await witnesses.cosign(log.note(), log)).met
        assert witnesses.seconds_since_quorum() == 0


async def test_damage_to_our_own_tiles_is_not_taken_for_a_witness_that_fails() -> None:
    """The error that names the tile comes through."""

    class Damaged(GrowingLog):
        def consistency(self, old_size: int, new_size: int) -> list[bytes]:
            raise FileError("tile/0/000", "absent")

    log = Damaged(_KEY, 5)
    async with _Town(_local("a"), _local("b", silent)) as witnesses:
        with pytest.raises(FileError, match="tile/0/000"):
            await witnesses.cosign(log.note(), log)


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "a.example", "http://", "http://a b/", "http://user@a/", "http://a/?q", "http://a/#f", "http://a:99999/",
     "http://[::1/", "http://ñ/", f"http://{'a' * 64}/"],
)  # fmt: skip
def test_url_of_a_witness_that_is_none_is_refused_at_the_start(url: str) -> None:
    """Rather than at every checkpoint."""
    policy = (
        parse_policy(f"witness a {_local('a').cosigner.vkey()} {url}\nquorum a\n".encode(), "policy") if " " not in url else None
    )
    if policy is not None:
        with pytest.raises(OperatorError, match="not the address of a web server"):
            Witnesses(policy)
    with pytest.raises(ValueError, match="not the address"):
        Endpoint.parse(url)


def test_url_is_taken_apart() -> None:
    """Host, port by scheme, and path."""
    assert Endpoint.parse("https://w.example/sub/") == Endpoint("w.example", 443, "/sub", tls=True)
    assert Endpoint.parse("http://[::1]:8711").authority == "[::1]:8711"
    assert Endpoint.parse("http://w.example").authority == "w.example"


def test_policy_whose_quorum_nobody_can_be_asked_for_is_refused_at_the_start() -> None:
    """Witnesses without a URL can be verified and not be asked."""
    b = _local("b").cosigner
    both = f"witness a {_local('a').cosigner.vkey()} http://127.0.0.1/\nwitness b {b.vkey()}\n"
    with pytest.raises(OperatorError, match="no quorum"):
        Witnesses(parse_policy(f"{both}group g all a b\nquorum g\n".encode(), "policy"))
    with pytest.raises(OperatorError, match="no quorum"):
        Witnesses(parse_policy(b"quorum none\n", "policy"))
    assert len(Witnesses(parse_policy(f"{both}group g any a b\nquorum g\n".encode(), "policy")).standings) == 1
