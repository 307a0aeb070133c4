"""The export: all that the gateway holds, as a file; only for a session, and kept nowhere."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from consent.messages import Id, LogHead, SubjectExport, encode
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from tests.support.afterwards import own_client, small_record
from tests.support.consent_samples import SUBJECT
from tests.support.portal import NOW_MS, TOKEN, SaidGate, SaidHome, said_state, stranger_client


def export(**others: Any) -> SubjectExport:
    """Return an export of a household about which little is held."""
    empty: dict[str, Any] = {
        name: []
        for name in SubjectExport.__struct_fields__
        if name not in ("format", "time_ms", "gateway", "log", "subject", "residents_since_ms")
    }
    head = LogHead(origin="town/log", size=3, vkey="key")
    usual = {"format": "1", "time_ms": NOW_MS, "gateway": "gw", "log": head, "subject": Id(SUBJECT), "residents_since_ms": 1}
    return SubjectExport(**{**empty, **usual, **others})


def test_file_is_what_the_gateway_says() -> None:
    """Word for word, for people to read; in the form that `sluice consent export` has."""
    home = SaidHome({"consent.export": export(counters=[{"reading": "0.1"}])})
    answer = own_client(home).get("/my/export")
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content) == msgspec.json.decode(encode(home.says["consent.export"]))
    assert b'\n  "format"' in answer.content
    assert answer.headers["content-type"] == "application/json"
    assert 'filename="my-home.json"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert [session for _, _, session, _ in home.asked] == [TOKEN]


def test_stranger_gets_nothing() -> None:
    """And nothing is asked."""
    home = SaidHome({"consent.export": export()})
    assert stranger_client(SaidGate(said_state()), small_record(), home).get("/my/export").status_code == 401
    assert home.asked == []


@pytest.mark.parametrize(("fault", "status"), [(SessionEndedError(), 401), (GateAwayError(), 503), (GateRefusedError("no"), 404)])
def test_what_goes_wrong_while_it_is_made_is_told(fault: Exception, status: int) -> None:
    """As data, where data was asked for."""
    answer = own_client(SaidHome({"consent.export": fault})).get("/my/export")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
