"""A running gateway replaces its log's key: witnesses learn the new one from the old, and only then is the old one destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.log.cosignature import cosignatures_in
from gateway.audit.log.handover import KEYS_NAME, Handover, parse_handovers
from gateway.audit.log.notes import Signer, Verifier, split_note
from gateway.audit.log.reader import LogReader
from gateway.audit.log.submission import origin_hash
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from gateway.edge.keys.log import LOG_KEY_FILE, NEXT_LOG_KEY_FILE
from tests.support.live import LiveGateway
from tests.witness.witness_process import WitnessProcess
from tests.witness.witnessed_gateway import grow, policy, seen, start_confirmed, with_witnesses

Town = tuple[LiveGateway, list[WitnessProcess]]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A gateway and two witnesses, none of which run yet."""
    live, witnesses = with_witnesses(tmp_path, 2)
    try:
        yield live, witnesses
    finally:
        live.end()
        for each in witnesses:
            each.end()


def signed_by(live: LiveGateway) -> set[bytes]:
    """Return the ids of the log's keys that have signed the published checkpoint."""
    lines = split_note((live.place.log / "checkpoint").read_bytes())[1]
    return {one.key_id for one in lines if one.name == live.keys.log_signer.name}


def test_former_key_signs_until_each_witness_has_learnt_the_new_one(town: Town) -> None:
    """One witness away: both keys sign, over a crash as well; back again, it learns from the old key, and that one is gone."""
    live, (one, other) = town
    one.start(), other.start()
    start_confirmed(live)
    former = live.keys.log_signer
    other.stop()
    made = live.call("keys.rotate", {"key": "log"})
    new = Verifier.parse(made["vkey"])
    index = grow(live)
    live.wait_until(lambda _: live.call("keys.status")["log"]["waits_for"] == ["w1"])
    assert signed_by(live) == {former.verifier.key_id, new.key_id}
    live.kill()
    one.stop()
    one.start()
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    grow(live)
    assert signed_by(live) == {former.verifier.key_id, new.key_id}
    assert (live.place.keys / NEXT_LOG_KEY_FILE).exists()
    other.start()
    grow(live)
    live.wait_until(lambda _: not live.call("keys.status")["log"]["former"])
    grow(live)
    assert signed_by(live) == {new.key_id}
    assert Signer.parse((live.place.keys / LOG_KEY_FILE).read_text()).verifier == new
    assert cosignatures_in((live.place.log / "checkpoint").read_bytes(), [each.cosigner.verifier for each in (one, other)])
    for each in (one, other):
        learnt = (each.state / origin_hash(former.name) / KEYS_NAME).read_bytes()
        assert [handover.new for handover in parse_handovers(learnt)] == [new]
        each.kill()
        each.start()  # with the first key alone, as its operator has given it
    assert seen(live, other) > index
    grow(live)
    assert live.stop() == 0
    anchors = Anchors(
        former.verifier, True, parse_policy(policy(live, [one, other]).encode(), "p"), LogReader(live.place.log).handovers()
    )
    report = Verification(LogReader(live.place.log), anchors, openings=live.place.openings).run()
    assert (report.findings, report.trust.quorum, report.trust.handed_over) == ((), True, (new.vkey(),))


def test_witness_tells_over_http_what_becomes_of_handovers(town: Town) -> None:
    """Learnt: 200; malformed, a stranger's, another log's, or another way on: refused, and nothing of it is kept."""
    live, (witness, _) = town
    witness.start()
    key = live.keys.log_signer
    heirs = [Signer(key.name, bytes([number]) * 32) for number in range(3)]
    first = Handover.make(3, key, heirs[0]).note
    for status, body in (
        (400, b"nonsense"),
        (403, Handover.make(3, heirs[1], heirs[2]).note),
        (404, Handover.make(3, Signer("a/b", bytes(32)), Signer("a/b", b"1" * 32)).note),
        (200, first),
        (200, first),
        (409, Handover.make(3, key, heirs[1]).note),
    ):
        assert witness.post(body, "/add-log-keys").status == status
    assert witness.ask("GET", "/add-log-keys").status == 405
    assert witness.ask("GET", f"/{origin_hash(key.name)}/checkpoint").status == 404
    assert (witness.state / origin_hash(key.name) / KEYS_NAME).read_bytes() == first
    assert witness.said().count("was handed over") == 1
    assert witness.stop() == 0
    (witness.state / origin_hash(key.name) / KEYS_NAME).write_bytes(Handover.make(3, heirs[1], heirs[2]).note)
    assert witness.fails() == 3
    assert "do not pass through the key" in witness.said()
