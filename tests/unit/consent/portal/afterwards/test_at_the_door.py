"""The pages of what comes after an answer over the real citizens' door: of two households each sees its own alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from consent.core.receipts.check import check_receipt, commitment
from consent.messages import Parameters, Result, decode, encode, plain
from consent.portal.afterwards import export, history, readings, receipts, went
from consent.portal.answers import Answer, Content, Handler, LargeContent, NoSuchPage, Page
from consent.portal.gates.public import GateRefusedError
from consent.portal.site import Site
from consent.portal.visit import SignedIn, Visit
from gateway.audit.log.entries import Entry
from gateway.control.context import MethodError
from tests.support.afterwards import small_record
from tests.support.citizens_door import CitizensDoor, Person
from tests.support.own_answers import FLOW, at_the_door, say_yes
from tests.support.portal import SaidGate, said_site, said_state

R = TypeVar("R", bound=Result)


class Straight:
    """The portal's side of the door, without a socket between."""

    def __init__(self, door: CitizensDoor) -> None:
        """Stand before a door."""
        self._door = door

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """As the protocol has it."""
        try:
            return decode(encode(await self._door.ask(method, session, request, **plain(params))), kind)
        except MethodError as error:
            raise GateRefusedError(str(error)) from error


async def opened(handler: Handler, site: Site, person: Person, parameters: Mapping[str, str] | None = None) -> Answer:
    """Return what a page answers to a person."""
    return await handler(site, Visit("en", signed_in=SignedIn(person.token, "passkey", 1 << 45)), parameters or {})


def test_everything_after_an_answer_is_ones_own(tmp_path: Path) -> None:
    """Receipt, file, calendar, history, what left, readings and export; of the other household's number there is none."""

    async def work(door: CitizensDoor) -> None:
        ann, other = await door.home(), await door.home()
        said = await say_yes(ann)
        await door.durable.commit()  # as the socket does before it answers
        index = said["changes"][0]["log_index"]
        site = said_site(SaidGate(said_state()), small_record(), home=Straight(door))  # type: ignore[arg-type]
        number = {"index": str(index)}

        page = await opened(receipts.show, site, ann, number)
        assert isinstance(page, Page)
        view = page.view
        assert isinstance(view, receipts.ReceiptView)
        assert (view.said, view.channel, view.state, view.flow) == ("Given", "passkey", "holds", FLOW)
        file = await opened(receipts.download, site, ann, number)
        assert isinstance(file, Content)
        receipt = json.loads(file.body)
        signer = door.durable.state.identity.signer
        assert check_receipt(receipt, lambda signature, message: signer.sign_bytes(message) == signature) == []
        entry = Entry.decode(await door.durable.store.reader.entry(index))
        assert commitment(receipt) == entry.commitment

        found = await opened(history.show, site, ann)
        assert isinstance(found, Page)
        assert isinstance(found.view, history.HistoryView)
        assert [row.index for row in found.view.leaf.rows if row.has_receipt] == [index]
        assert [row.how for row in found.view.leaf.rows if not row.has_receipt] == ["With the code of the first letter."]
        for handler in (went.show, readings.show):
            assert isinstance(await opened(handler, site, ann), Page)
        large = await opened(export.download, site, ann)
        assert isinstance(large, LargeContent)
        held = json.loads((await large.make()).body)
        assert [row["log_index"] for row in held["history"]] == [index]

        for handler in (receipts.show, receipts.download, receipts.calendar, receipts.proof, receipts.show_printed):
            try:
                await opened(handler, site, other, number)
            except NoSuchPage:
                continue
            raise AssertionError(handler)
        theirs = await opened(export.download, site, other)
        assert isinstance(theirs, LargeContent)
        assert held["subject"].encode() not in (await theirs.make()).body

    at_the_door(tmp_path, work)
