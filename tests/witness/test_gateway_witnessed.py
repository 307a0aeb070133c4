"""A gateway with a witness: cosigned checkpoints, nothing signed before one has answered, and an old card that is found out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.log.cosignature import cosignatures_in
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import UNWITNESSED, GapPayload
from gateway.audit.log.reader import LogReader
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from gateway.config import load_config
from tests.support.live import LiveGateway
from tests.support.ports import free_port
from tests.support.waiting import HANG_S
from tests.witness.witness_process import WitnessProcess

ABSENT = 1


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[LiveGateway, WitnessProcess]]:
    """A gateway that does not run yet, and its one witness, which does not either."""
    live = LiveGateway(tmp_path / "g", ABSENT)
    witness = WitnessProcess(tmp_path / "witness", "witness.example", [live.keys.log_signer.verifier])
    witness.port = free_port()
    text = live.config.read_text().replace("[audit]\n", '[audit]\nwitness_policy = "witnesses.policy"\n')
    live.config.write_text(text)
    live.place = load_config(live.config)
    (live.folder / "witnesses.policy").write_text(policy(live, witness))
    try:
        yield live, witness
    finally:
        live.end()
        witness.end()


def policy(live: LiveGateway, witness: WitnessProcess) -> str:
    """Return the policy that names both."""
    return f"log {live.vkey}\nwitness w {witness.cosigner.verifier.vkey()} {witness.url}\nquorum w\n"


def size(live: LiveGateway) -> int:
    """Return the size of the published log; 0 where nothing is published."""
    path = live.place.log / "checkpoint"
    return int(path.read_bytes().split(b"\n")[1]) if path.exists() else 0


def grow(live: LiveGateway) -> None:
    """Log something, and wait until it is published."""
    index = live.call("policy.apply")["log_index"]
    live.wait_until(lambda _: size(live) > index)


def test_gateway_with_a_witness_publishes_cosigned_checkpoints(pair: tuple[LiveGateway, WitnessProcess]) -> None:
    """An auditor who knows the policy finds the quorum, in each checkpoint that is published."""
    live, witness = pair
    witness.start()
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    grow(live)
    note = (live.place.log / "checkpoint").read_bytes()
    assert cosignatures_in(note, [witness.cosigner.verifier])
    anchors = Anchors(live.keys.log_signer.verifier, True, parse_policy(policy(live, witness).encode(), "p"))
    report = Verification(LogReader(live.place.log), anchors).run()
    assert (report.exit_status, report.trust.quorum, report.trust.witnesses_k) == (0, True, 1)


def test_gateway_whose_witness_goes_away_publishes_all_the_same(pair: tuple[LiveGateway, WitnessProcess]) -> None:
    """While it runs, an absent witness stops nothing; the checkpoint shows that it is missing, and so does the status."""
    live, witness = pair
    witness.start()
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    witness.stop()
    grow(live)
    assert b"witness.example" not in (live.place.log / "checkpoint").read_bytes()
    assert live.status()["witnesses"]["each"][0]["problem"]


def test_gateway_before_any_witness_has_answered_signs_nothing_and_takes_consents(
    pair: tuple[LiveGateway, WitnessProcess],
) -> None:
    """What is said meanwhile is committed and in force; the log is published once the witness is there."""
    live, witness = pair
    (added,) = live.add_devices([{"profile": "meter", "zone": "north-quay", "topic": "t/1", "subject": "new"}])
    live.start()
    granted = live.call("consent.grant", {"subject": added["subject"], "scope": "energy-hourly"})
    assert granted["status"] == "Given"
    assert not live.status()["witnesses"]["confirmed"]
    assert size(live) == 0
    live.kill()
    live.start()
    assert live.call("consent.show", {"subject": added["subject"]})["consents"]
    witness.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    live.wait_until(lambda _: size(live) > granted["log_index"])
    assert live.stop() == 0
    assert live.verify().exit_status == 0


def test_old_card_put_back_is_found_out_by_the_witness(pair: tuple[LiveGateway, WitnessProcess]) -> None:
    """Database and log folder of yesterday agree with each other; only somebody outside knows better."""
    live, witness = pair
    witness.start()
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    grow(live)
    assert live.stop() == 0
    shutil.copytree(live.place.state, live.folder / "old")
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
    grow(live)
    assert live.stop() == 0
    shutil.rmtree(live.place.state)
    shutil.move(live.folder / "old", live.place.state)
    before = size(live)
    live.start(wait=False)
    assert live.process is not None
    assert live.process.wait(HANG_S) == 3
    assert "an old state was restored" in live.log()
    assert size(live) == before, "it has signed nothing"


def test_unwitnessed_start_signs_at_once_and_the_log_says_so(pair: tuple[LiveGateway, WitnessProcess]) -> None:
    """An operator may go on without; every auditor sees it."""
    live, _ = pair
    live.start(options=["--unwitnessed"])
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"] and size(live) > 0)
    grow(live)
    assert live.stop() == 0
    assert live.verify().exit_status == 0
    reasons = []
    for file in (live.folder / "state" / "openings").iterdir():
        part = Opening.decode(file.read_bytes()).parts[0]
        if isinstance(part, Part) and b"unwitnessed" in part.data:
            reasons.append(GapPayload.decode(part.data).reason)
    assert reasons == [UNWITNESSED]
