"""A household's whole life at the citizens' door of a real gateway, whose log an auditor then verifies and replays."""

from __future__ import annotations

from pathlib import Path

from consent.core.disclosure import DAY_MS
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import open_note
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.replay.report import ReplayReport
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.verify import verify_folder
from tests.support.asking import call
from tests.support.citizens_door import START_MS, CitizensDoor, citizens_door
from tests.support.passkey_forms import assertion, registration


async def audited(door: CitizensDoor) -> ReplayReport:
    """Publish what was committed, verify the log with its openings, and return what its replay finds."""
    durable = door.durable
    await door.control.commit()
    durable.checkpoint(heartbeat=True)
    await durable.commit()
    await durable.publisher.drained()
    place = durable.place
    assert place.openings is not None
    verifier = durable.state.identity.signer.verifier
    reader = LogReader(place.log)
    checkpoint = Checkpoint.parse(open_note(reader.checkpoint(), [verifier]).text)
    verified = verify_folder(place.log, durable.state.identity.signer.vkey(), place.openings)
    wrong = [finding for step in verified.steps for finding in step.findings]
    assert {finding.problem.partition("ahead")[1] for finding in wrong} <= {"ahead"}  # the gateway's clock is the test's
    return Replay(
        reader, checkpoint, LogKeys(verifier), OpeningsReader(place.openings), at=AuditTime(START_MS + 9 * DAY_MS)
    ).run()


async def test_household_from_letter_to_erasure_is_in_order(tmp_path: Path) -> None:
    async with citizens_door(tmp_path) as door:
        letter = door.letter()
        first = await door.come_in(letter["claim_code"], door.passkey())
        second = await door.come_in(await first.invite(), door.passkey())
        _, made = await first.make()
        asked = await first.ask("act.challenge", act="passkey.add", registration=made)
        assert first.passkey is not None
        await first.ask("passkey.add", proof=assertion(first.passkey, asked["challenge"]))
        opened = await door.ask("session.paper", code=first.paper_code)
        asked = await door.ask("passkey.challenge", opened["token"])
        recovered = door.passkey()
        made = registration(recovered, asked["challenge"])
        await door.ask("passkey.add", opened["token"], registration=made, paper_code=first.paper_code)
        resident = (await second.ask("home.show"))["resident"]
        code = call(door.durable, "subject.code", {"subject": letter["subject"], "resident": resident})["claim_code"]
        third = await door.come_in(code, door.passkey())
        report = await audited(door)
        assert report.findings == []
        assert report.enrolments == {"letter": 1, "invitation": 1, "passkey": 1, "recovery": 1, "counter": 1}
        await third.ask("home.erase", proof=await third.proof("household.erase"))
        report = await audited(door)
        assert report.findings == []
        assert report.erased_parts == report.erasures_account_for > 0
