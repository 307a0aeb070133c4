"""Sessions are opened by what a person has, end by themselves, and open nothing that they should not."""

from __future__ import annotations

import msgspec
import pytest

from gateway.control.citizens.sessions import LASTS_MS, LONGEST
from gateway.core.changes import credentials
from gateway.core.registry import SESSIONS_KEPT, Registry, Subject
from tests.support.citizens_door import CitizensDoor


async def test_session_ends_by_itself_in_real_time_and_is_lengthened_by_whoever_has_it(door: CitizensDoor) -> None:
    """One of paper sooner; the gateway's own clock may go as it likes."""
    person = await door.home()
    paper = (await door.ask("session.paper", code=person.paper_code))["token"]
    door.durable.clock.time_ms += 10 * LASTS_MS["passkey"]  # type: ignore[attr-defined]  # the test's own clock
    door.real_ms += LASTS_MS["paper"] - 1
    await door.ask("home.show", paper)
    door.real_ms += 1
    assert await door.refused("home.show", paper) == "session-ended"
    longer = await person.ask("session.extend")
    assert longer["token"] == person.token
    door.real_ms += LASTS_MS["passkey"] - 1
    await person.ask("home.show")
    door.real_ms += 1
    assert await person.refused("home.show") == "session-ended"
    assert await person.refused("session.extend") == "session-ended"


async def test_session_is_lengthened_for_a_week_and_not_for_ever(door: CitizensDoor) -> None:
    """Or a token that somebody has got hold of would open the household for good."""
    person = await door.home()
    began_ms = door.real_ms
    for _ in range(2 * LONGEST - 1):
        door.real_ms += LASTS_MS["passkey"] // 2
        ends_ms = (await person.ask("session.extend"))["ends_ms"]
    assert ends_ms == began_ms + LONGEST * LASTS_MS["passkey"]
    door.real_ms = ends_ms
    assert await person.refused("session.extend") == "session-ended"


async def test_resident_sees_and_ends_their_sessions_and_nobody_else_s(door: CitizensDoor) -> None:
    """By a name that opens nothing."""
    person = await door.home()
    partner = await door.come_in(await person.invite(), door.passkey())
    paper = (await door.ask("session.paper", code=person.paper_code))["token"]
    shown = (await person.ask("home.show"))["sessions"]
    assert [(one["kind"], one["is_this"]) for one in shown] == [("passkey", True), ("paper", False)]
    assert await door.refused("home.show", shown[0]["session"]) == "session-ended"
    (theirs,) = (await partner.ask("home.show"))["sessions"]
    assert (await person.ask("session.end", session=theirs["session"]))["ended"] == 0
    assert (await person.ask("session.end", session=shown[1]["session"]))["ended"] == 1
    assert await door.refused("home.show", paper) == "session-ended"
    await partner.ask("home.show")
    await door.ask("session.paper", code=person.paper_code)
    assert (await person.ask("session.end", all_others=True))["ended"] == 1
    assert (await person.ask("session.end"))["ended"] == 1
    assert await person.refused("home.show") == "session-ended"


async def test_sessions_have_a_bound_and_ended_ones_are_forgotten(door: CitizensDoor) -> None:
    """The oldest gives way; nothing is left of those that ended."""
    person = await door.home()
    for _ in range(SESSIONS_KEPT):
        await door.ask("session.paper", code=person.paper_code)
    assert await person.refused("home.show") == "session-ended"
    state = door.durable.state
    assert sum(key.startswith(b"session ") for key in state.registry.holders) == SESSIONS_KEPT
    credentials.forget_ended_sessions(state, door.real_ms + LASTS_MS["paper"])
    assert not [key for key in state.registry.holders if key.startswith(b"session ")]
    assert not [
        one for subject in state.registry.subjects.values() for resident in subject.residents for one in resident.sessions
    ]


async def test_token_and_codes_are_kept_nowhere(door: CitizensDoor) -> None:
    """What is stored opens nothing for whoever reads it."""
    person = await door.home()
    code = await person.invite()
    await person.ask("paper.replace", "ab" * 16, proof=await person.proof("paper.replace"))
    commit = door.durable.state.commit
    rows = [*(row.content or b"" for row in commit.subjects), *(row.content or b"" for row in commit.claims)]
    for secret in (person.token, person.paper_code, code):
        assert rows
        assert not [row for row in rows if secret.encode() in row or secret.replace("-", "").encode() in row]


@pytest.mark.parametrize("code", ["", "x", "0000-0000-0000-0000", "é" * 16, "A" * 4000])
async def test_paper_code_that_is_nobody_s_opens_nothing(door: CitizensDoor, code: str) -> None:
    """Whatever it looks like."""
    await door.home()
    assert await door.refused("session.paper", code=code) == "paper-wrong"


async def test_session_survives_a_restart_and_holders_are_found_again(door: CitizensDoor) -> None:
    """As stored rows are read at start."""
    person = await door.home()
    state = door.durable.state
    found = dict(state.registry.holders)
    rows = {row.id: row.content for row in state.commit.subjects}
    again = Registry()
    for content in rows.values():
        assert content is not None
        again.know_subject(msgspec.msgpack.decode(content, type=Subject))
    assert again.holders == found
    await person.ask("home.show")
