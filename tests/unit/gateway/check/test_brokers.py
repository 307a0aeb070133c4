"""What is noted of brokers, by what they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.core.review.warnings import Weight
from gateway.check import brokers
from gateway.check.brokers import notes_on_brokers
from gateway.config import load_config
from gateway.edge.broker_terms import BrokerTerms

CONFIG = """\
gateway = "gw"
[broker]
filters = ["t/#"]
user = "{broker}"
[sink.city]
user = "{city}"
[sink.other]
host = "other"
user = "{city}"
"""


def told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, terms: BrokerTerms, broker: str = "a", city: str = "b"
) -> list[tuple[Weight, str, str]]:
    """Return the notes on three connections whose brokers all have the same terms."""

    async def ask(*_: object) -> BrokerTerms:
        return terms

    monkeypatch.setattr(brokers, "ask_terms", ask)
    file = folder / "gateway.toml"
    file.write_text(CONFIG.format(broker=broker, city=city))
    notes = notes_on_brokers(load_config(file))
    assert {note.file for note in notes} <= {"gateway.toml"}
    return [(note.weight, note.key, note.message) for note in notes]


def test_nothing_is_noted_of_brokers_that_are_set_up_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids bound, nothing retained, an account for each connection."""
    assert told(tmp_path, monkeypatch, BrokerTerms(ids_bound=True, retains=False)) == []


def test_free_ids_are_warned_of_everywhere_and_retained_messages_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the city's broker keeps is sealed for its recipients."""
    notes = told(tmp_path, monkeypatch, BrokerTerms(ids_bound=False, retains=True))
    assert [(weight, key) for weight, key, _ in notes] == [
        (Weight.WARNING, key) for key in ("broker", "broker", "sink.city", "sink.other")
    ]
    assert "`use_username_as_clientid true`" in notes[0][2]
    assert "`retain_available false`" in notes[1][2]


def test_one_account_for_two_connections_is_warned_of_where_ids_are_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would end each other; at two brokers, or where ids are free, they do not."""
    notes = told(tmp_path, monkeypatch, BrokerTerms(ids_bound=True, retains=False), broker="a", city="a")
    assert notes == [
        (Weight.WARNING, "sink.city", "the same account as `broker` has: each of the two ends the other's connection")
    ]
    free = told(tmp_path, monkeypatch, BrokerTerms(ids_bound=False, retains=False), broker="a", city="a")
    assert not any("the same account" in message for _, _, message in free)


def test_what_cannot_be_found_out_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not tell is not taken for a good one."""
    notes = told(tmp_path, monkeypatch, BrokerTerms())
    assert [(weight, key) for weight, key, _ in notes] == [(Weight.NOTE, key) for key in ("broker", "sink.city", "sink.other")]


def test_refused_connection_is_warned_of_with_what_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped password shows before the gateway starts, and is not taken for a broker that keeps silent."""
    notes = told(tmp_path, monkeypatch, BrokerTerms(refused="not authorized (0x87)"))
    warned = "the broker refuses the connection: not authorized (0x87); are `user` and `password_file` right?"
    assert notes == [(Weight.WARNING, key, warned) for key in ("broker", "sink.city", "sink.other")]


def test_broker_out_of_reach_is_noted_with_the_reason(tmp_path: Path) -> None:
    """It was not asked, and the check says so."""
    file = tmp_path / "gateway.toml"
    file.write_text('gateway = "gw"\n[broker]\nport = 1\nfilters = ["t/#"]\n')
    (note,) = notes_on_brokers(load_config(file))
    assert (note.weight, note.key) == (Weight.NOTE, "broker")
    assert "cannot reach `127.0.0.1:1`: " in note.message
