"""Export, attacked: whatever can hold anything of a subject is exported and erased, and a new such thing does not go unnoticed.

``HELD`` names every field of the memory and every table, and says where a subject's part of it stands in the export, or why there
is none. A field or table that is not named here fails a test: whoever adds one has to say what it means for the subjects.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import urlsafe_b64decode
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from consent.core.consents.records import decode as decode_consent
from consent.core.consents.records import record_hash
from consent.core.profiles.profile import Counter
from gateway.audit.log.openings import label
from gateway.audit.log.payloads import Contribution, CredentialsEndedPayload, EnrolmentPayload, KeyPayload
from gateway.control.export import NO_LONGER_KEPT
from gateway.core.changes import credentials
from gateway.core.effects import Commit
from gateway.core.inflight import ReadyBundle, SentBundle
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.plans import Device
from gateway.core.registry import Claim, Holder, KeptAnswer, Message, Paper, Passkey, Resident, Session, Subject
from gateway.core.release.records import Waiting
from gateway.core.windows.windows import Windows
from gateway.edge.store.schema import MIGRATIONS
from tests.support.disk_gate import DiskGate, configured, database, started
from tests.support.gate import DAY_MS, Gate
from tests.support.shell import sluice
from tests.support.victim import SCOPE, TOPIC, outage, town, under_way

NOBODY = ""
"""Holds nothing of a subject."""
TALLIED = "numbers by day and flow, of all homes together; none is a subject's"
DERIVED = "compiled from the rest, and kept in no file"
HANDED = "readings of two days, in memory alone; `readings.show` hands them to the household, and no file holds any"
PENDING = "what is about to be stored; committed before the export"

HELD: dict[str, dict[str, str]] = {
    "State": {
        "identity": NOBODY,
        "force": NOBODY,
        **dict.fromkeys(("registry", "outbox", "inflight", "log"), "its fields below"),
        "devices": DERIVED,
        "filters": DERIVED,
        "by_contributor": DERIVED,
        "unsettled": DERIVED,
        "is_settled": NOBODY,
        "decoders": NOBODY,
        "memories": "devices",
        "times_room": NOBODY,
        "held": HANDED,
        "windows": "contributions",
        "publications": NOBODY,
        "public": TALLIED,
        "revision": NOBODY,
        "ledger": NOBODY,
        "journal": "what stands in windows and is remembered, as it came to be; erasure begins it anew",
        "marks": "hashes of frames as a whole, which go as newer ones come; none can be told to be a subject's",
        "redeliverable": "the same",
        "arrivals": NOBODY,
        "subscriptions": NOBODY,
        "drained": NOBODY,
        "domain_keys": NOBODY,
        "commit": PENDING,
        "expires_next_ms": NOBODY,
        "notices_next_ms": NOBODY,
        "started_ms": NOBODY,
        "discovery": "what nobody has registered, so that it is about no subject; gone with the terminal that looks",
    },
    "Registry": {
        "commit": PENDING,
        "book": "consents",
        "subjects": "residents",
        "claims": "open_claims",
        "devices": "devices",
        "holders": "residents: by what each of them is found",
        "_by_contributor": "devices",
        "_without_topic": "devices",
    },
    "Outbox": {"commit": PENDING, "waiting": NOBODY, "next_number": NOBODY},
    "Inflight": {"commit": PENDING, "ready": "bundles_under_way", "sent": "bundles_under_way"},
    "LogState": {
        "commit": PENDING,
        **dict.fromkeys(
            ("writer", "chain", "latest_entry_ms", "signers", "_random_bytes", "_simulated_clock"),
            NOBODY,
        ),
    },
    "Windows": {
        "open": "contributions",
        "tables": "contributions",
        "missed": NOBODY,
        "guards": "whose data stand in no exact figure of a day, until that day's have left; who leaves is dropped from them",
        "guarded": NOBODY,
        "first_steps": NOBODY,
        "watermark_ms": NOBODY,
        "whole_since_ms": NOBODY,
        "contributions": NOBODY,
        "_series": "counters",
        "counters": "devices",
        "epoch": NOBODY,
        "lanes": DERIVED,
        "_cached": DERIVED,
    },
    "Commit": dict.fromkeys(
        (
            *(
                "marks",
                "journal",
                "snapshot",
                "parts",
                "begins_segment",
                "log",
                "head",
                "bundles",
                "bundles_done",
                "outbox",
                "outbox_done",
                "subjects",
            ),
            *("claims", "devices", "consents", "consents_gone", "openings", "openings_settled"),
            *(
                "openings_settled_ms",
                "erases",
                "policies",
                "handovers",
                "root_key",
                "ledger",
                "uses_reserve",
                "public",
                "public_since",
            ),
        ),
        "rows of the tables below",
    ),
    "Subject": {
        "id": "subject",
        "secret": "label_keys: it is a key, and no more is made with it",
        "residents": "residents",
        "since_ms": "residents_since_ms",
        "label_generation": "label_keys",
        "messages": "messages",
        "key_entries": "residents_entries",
        "enrolment_entries": "enrolment_entries",
        "answered": "residents",
        "ended_keys": "ended_keys",
    },
    "Resident": dict.fromkeys(("id", "since_ms", "claimed_ms", "user_handle", "passkeys", "paper", "sessions"), "residents"),
    "Passkey": dict.fromkeys(
        ("credential", "public_key", "sign_count", "how", "since_ms", "entry", "yes_from_ms", "used_ms"), "residents"
    ),
    "Session": dict.fromkeys(("token_hash", "credential", "since_ms", "ends_ms"), "residents"),
    "Paper": dict.fromkeys(("code_hash", "since_ms", "entry"), "residents"),
    "KeptAnswer": dict.fromkeys(("request", "resident", "method", "time_ms", "answer"), "residents"),
    "Message": dict.fromkeys(("time_ms", "kind", "scope"), "messages"),
    "Claim": {
        "code_hash": "the hash of a code that is kept nowhere",
        "subject": "subject",
        **dict.fromkeys(("resident", "device", "expires_ms", "how", "proof"), "open_claims"),
    },
    "Device": {
        "subject": "subject",
        **dict.fromkeys(("id", "topic", "hub_id", "profile", "zone", "generation", "added_ms", "owner"), "devices"),
        "owner_assumed": "whether `owner` was read of a registration that stated none, until somebody states it",
    },
    "DeviceMemory": {
        "_room": NOBODY,
        **dict.fromkeys(("sequences", "_runs", "seen", "last_arrival", "heard"), "devices"),
        **dict.fromkeys(("previews", "_held"), HANDED),
    },
    "ReadyBundle": {
        "content": "what its windows and records below come to, sealed",
        "windows": "contributions",
        "tables": "contributions",
        "publication": NOBODY,
        "outbox": "waiting",
        "moved": NOBODY,
        "full": NOBODY,
        "tally": TALLIED,
        **dict.fromkeys(("index", "recipient", "subjects"), "bundles_under_way"),
    },
    "SentBundle": {"full": NOBODY, **dict.fromkeys(("recipient", "subjects"), "bundles_under_way")},
    "Waiting": {
        "contributor": "subject",
        **dict.fromkeys(("cohort", "since_ms", "record_id", "start_ms", "end_ms", "n"), "waiting"),
    },
    "Contribution": {
        "subject": "subject",
        **dict.fromkeys(("record", "disclosure", "policy", "consents", "n", "profile", "zone"), "releases"),
    },
    "KeyPayload": {"subject": "subject", "residents": "residents_entries"},
    "EnrolmentPayload": {
        "subject": "subject",
        **dict.fromkeys(
            ("resident", "how", "key_sha256", "relying_party", "paper_sha256", "proof"), "enrolment_entries: the log has them"
        ),
    },
    "CredentialsEndedPayload": {
        "subject": "subject",
        **dict.fromkeys(("resident", "keys_sha256", "paper", "by"), "enrolment_entries: the log has them"),
    },
    "tables": {
        "meta": NOBODY,
        "sealing_key": NOBODY,
        "segment": "contributions",
        "batch": "contributions",
        "segment_part": "contributions",
        "outbox": "waiting",
        "bundle": "bundles_under_way",
        "entry": "log indices alone: an entry tells nobody's name",
        "opening": "releases",
        "opening_part": "releases",
        "labels": "releases",
        "head": NOBODY,
        "handover": NOBODY,
        "policy": NOBODY,
        "consent": "history",
        "subject": "residents",
        "device": "devices",
        "claim": "open_claims",
        "public_tally": TALLIED,
        "compared": NOBODY,
    },
}


def fields_there_are() -> dict[str, set[str]]:
    """Return the fields of every class, and the tables, that could hold anything of a subject."""
    structs: tuple[type[msgspec.Struct], ...] = (Subject, Resident, Message, Claim, Contribution)
    structs += (Passkey, Session, Paper, KeptAnswer, KeyPayload, EnrolmentPayload, CredentialsEndedPayload)
    dataclasses = (Commit, Device, ReadyBundle, SentBundle, Waiting)
    state = Gate().state
    parts = [getattr(state, name) for name in ("registry", "outbox", "inflight", "log")]
    return {
        **{type(part).__name__: set(vars(part)) for part in (state, *parts)},
        "Windows": set(vars(Windows({}))),
        "DeviceMemory": set(DeviceMemory.__slots__),
        **{each.__name__: set(each.__struct_fields__) for each in structs},
        **{each.__name__: {field.name for field in fields(each)} for each in dataclasses},
        "tables": _tables(),
    }


def _tables() -> set[str]:
    connection = sqlite3.connect(":memory:")
    try:
        for script in MIGRATIONS:
            connection.executescript(script)
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def test_export_accounts_for_every_field_and_table_that_there_is() -> None:
    """A new place where something of a subject could stand fails this test until it is said what becomes of it."""
    assert {name: sorted(names) for name, names in fields_there_are().items()} == {
        name: sorted(names) for name, names in HELD.items()
    }


def test_export_holds_something_in_every_part_that_the_list_names(tmp_path: Path) -> None:
    """A subject whose data is everywhere is exported with nothing left empty; after the erasure nothing of it is held."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            exported, subject = await _everything(gate)
            named = {where.partition(":")[0] for names in HELD.values() for where in names.values()}
            for part in named & set(exported):
                assert exported[part], f"`{part}` is empty"
            assert {"residents", "messages", "open_claims", "history", "counters", "waiting", "releases"} <= named
            assert json.loads(json.dumps(exported)) == exported
            await gate.ask("consent.erase", subject=subject)
            state = gate.durable.state
            id_ = bytes.fromhex(subject)
            assert id_ not in state.registry.subjects
            assert id_ not in state.by_contributor
            assert not list(state.windows.baselines(id_))
            assert not [window for window in state.windows if id_ in window.members]
            assert not [claim for claim in state.registry.claims.values() if claim.subject == id_]
            assert not [device for device in state.registry.devices.values() if device.subject == id_]
            assert state.memories.keys() <= {device.id for device in state.registry.devices.values()}

    asyncio.run(work())


def test_export_tells_by_which_readings_a_register_is_judged(tmp_path: Path) -> None:
    """They are finer than any window, and kept as long; so is the one that was refused until the next confirms it."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            force = gate.durable.state.force
            assert force is not None
            meter = force.policies.profiles["meter"]
            counting = {name: replace(field, counter=Counter(most_per_h=Decimal(25))) for name, field in meter.fields.items()}
            profiles = {**force.policies.profiles, "meter": replace(meter, fields=counting)}
            gate.durable.state.force = replace(force, policies=replace(force.policies, profiles=profiles))
            victim, other = await gate.home(TOPIC, SCOPE), await gate.home("homes/1/meter", SCOPE)
            await gate.to(gate.now_ms + 3_600_000)
            for total in (100.0, 101.0, 9_999.0):
                await gate.to(gate.now_ms + 60_000)
                await gate.send(*((home["topic"], {"total": total}) for home in (victim, other)))
            ((register,),) = [
                device["registers"] for device in (await gate.ask("consent.export", subject=victim["subject"]))["devices"]
            ]
            step = float(force.policies.properties[register["property"]].ladder[0])
            assert [round(each["reading"] * step) for each in register["readings"]] == [100, 101]
            assert [round(each["reading"] * step) for each in register["in_doubt"]] == [9_999]

    asyncio.run(work())


async def _everything(gate: DiskGate) -> tuple[dict[str, Any], str]:
    """Export a subject of whom everything is held that can be."""
    victim, others = await town(gate)
    await under_way(gate, [victim, *others])
    code = (await gate.ask("subject.code", subject=victim["subject"]))["claim_code"]
    await gate.ask("subject.claim", code=code)
    await gate.ask("subject.leave", subject=victim["subject"], resident=victim["resident"])
    await gate.ask("subject.code", subject=victim["subject"])
    resident = (await gate.ask("subject.show", subject=victim["subject"]))["residents"][0]["resident"]
    _credentials(gate, Holder(bytes.fromhex(victim["subject"]), bytes.fromhex(resident)))
    await gate.ask("consent.grant", subject=victim["subject"], resident=resident, scope="purpose:energy")
    await gate.to(gate.now_ms // DAY_MS * DAY_MS + DAY_MS)
    await gate.send(*((home["topic"], {"total": 101.0}) for home in (victim, *others)))
    await outage(gate, [victim, *others])
    return await gate.ask("consent.export", subject=victim["subject"]), victim["subject"]


def _credentials(gate: DiskGate, holder: Holder) -> None:
    """Give a resident two passkeys, of which one has ended, a paper code, a session, and a request with an id."""
    state, now_ms = gate.durable.state, gate.now_ms
    for name in (b"a", b"b"):
        passkey = Passkey(name * 32, b"key " + name, 0, "counter", now_ms, 0)
        new = credentials.NewCredential("counter", b"", passkey, "sensors.ribera.example", name * 32, name * 16)
        credentials.enrol(state, holder, new, now_ms)
    credentials.end(state, holder, state.registry.resident_of(holder).passkeys[:1], "resident", now_ms)
    credentials.open_session(state, holder, b"b" * 32, now_ms + DAY_MS, now_ms)
    subject = state.registry.subjects[holder.subject]
    answered = (KeptAnswer(b"r" * 16, holder.resident, "session.end", now_ms, b'{"ended":1}'),)
    state.registry.keep_subject(msgspec.structs.replace(subject, answered=answered))


def test_export_names_topics_records_claims_and_keys_as_they_are(tmp_path: Path) -> None:
    """Signed records come whole, so that anyone can check hashes and chain; label keys find the releases that are listed."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            exported, subject = await _everything(gate)
            assert {device["topic"] for device in exported["devices"]} == {TOPIC, f"{TOPIC}/second"}
            assert [run for device in exported["devices"] for run in device["sequences"]] == [
                {"boot": "b", "highest": 5, "bitmap": 1}
            ]
            assert any(device["remembered_times_ms"] for device in exported["devices"])
            assert len(exported["label_keys"]) == 3
            for record in exported["history"]:
                data = urlsafe_b64decode(record["record"] + "==")
                assert record_hash(decode_consent(data)).hex() == record["sha256"]
            assert [record["status"] for record in exported["history"]] == ["Given", "Withdrawn", "Given", "Given"]
            assert exported["history"][2]["previous"] == exported["history"][1]["sha256"]
            assert {"code", "code_hash"}.isdisjoint(*(claim for claim in exported["open_claims"]))
            (resident,) = exported["residents"]
            for part in ("passkeys", "paper", "sessions", "answered", "user_handle"):
                assert resident[part], f"`{part}` is empty"
            labels = dict(await gate.durable.store.reader.labels(0))
            keys = [bytes.fromhex(key) for key in exported["label_keys"]]
            found = [index for index, data in labels.items() if any(label(key, index) in data for key in keys)]
            assert [release["log_index"] for release in exported["releases"]] == found
            secret = gate.durable.state.registry.subjects[bytes.fromhex(subject)].secret
            assert secret.hex() not in json.dumps(exported)

    asyncio.run(work())


def test_releases_say_who_got_what_and_on_what_it_rested(tmp_path: Path) -> None:
    """Each with recipient, flow, window, level, shares and the entries behind it; also those that were taken back."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, others = await town(gate)
            await outage(gate, [victim, *others])
            unsent = await gate.form()
            assert unsent is not None
            withdrawn = await gate.ask("consent.withdraw", subject=victim["subject"], scope="purpose:energy")
            releases = (await gate.ask("consent.releases", subject=victim["subject"]))["releases"]
            first, last = releases[0], releases[-1]
            assert (first["recipient"], first["opening"], first["taken_back"]) == ("office", "kept", None)
            hourly = next(record for record in first["records"] if record["flow"] == "hourly")
            assert (hourly["n"], hourly["n_of_all"]) == (3, 6), (
                "three devices of the household were in that hour, one each of the others"
            )
            assert hourly["level"] == {"time": "1h", "space": "district", "precision": "0.001"}
            assert hourly["consent_entries"] == [3]
            assert (last["log_index"], last["taken_back"]) == (unsent.index, withdrawn["log_index"] - 1)
            other = (await gate.ask("consent.releases", subject=others[0]["subject"]))["releases"]
            assert victim["subject"] not in json.dumps(other)

    asyncio.run(work())


def test_releases_say_which_are_still_under_way(tmp_path: Path) -> None:
    """Not sent yet, sent and not acknowledged, and then neither: what was acknowledged or taken back is on no way any more."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, others = await town(gate)

            async def ways() -> list[str | None]:
                releases = (await gate.ask("consent.releases", subject=victim["subject"]))["releases"]
                return [release.get("under_way") for release in releases]

            delivered = await ways()
            assert set(delivered) == {None}
            await gate.hour(victim, *others)
            assert await gate.form() is not None
            assert await ways() == [*delivered, "waiting"]
            await gate.hand_over()
            assert await ways() == [*delivered, "sent"]

    asyncio.run(work())


def test_releases_whose_opening_is_gone_are_listed_all_the_same(tmp_path: Path) -> None:
    """An opening that was kept no longer is said to be so; its labels still tell that the subject was in it."""

    async def work() -> None:
        async with started(configured(tmp_path / "gw")) as gate:
            victim, _ = await town(gate)
            index = (await gate.ask("consent.releases", subject=victim["subject"]))["releases"][0]["log_index"]
            await gate.durable.store._database.execute("DELETE FROM opening WHERE entry_index = ?", (index,))
            release = (await gate.ask("consent.releases", subject=victim["subject"]))["releases"][0]
            assert release["opening"] == NO_LONGER_KEPT
            assert release["log_index"] == index
            assert (await gate.ask("consent.erase", subject=victim["subject"]))["parts_deleted"] > 0
            assert gate.verify().ok

    asyncio.run(work())


def test_commands_of_the_rights_work_where_no_gateway_runs(tmp_path: Path) -> None:
    """Export goes to a file for its owner alone and never over another; an erasure asks first; and then nobody is there."""
    live = configured(tmp_path / "gw")
    subject = ""

    async def work() -> None:
        nonlocal subject
        async with started(live) as gate:
            victim, _ = await town(gate)
            subject = victim["subject"]

    asyncio.run(work())
    made = sluice(live.folder, "consent", "export", subject, "--out", "export.json")
    assert (made.status, made.out) == (0, "export: export.json\n")
    out = live.folder / "export.json"
    assert json.loads(out.read_text())["subject"] == subject
    assert out.stat().st_mode & 0o777 == 0o600
    again = sluice(live.folder, "consent", "export", subject, "--out", "export.json")
    assert (again.status, again.line) == (2, "`export.json`: exists already")
    assert json.loads(sluice(live.folder, "consent", "export", subject).out)["releases"]
    listed = sluice(live.folder, "consent", "releases", subject).out
    assert "office  hourly\n" in listed
    assert "office  daily, raw\n" in listed
    refused = sluice(live.folder, "consent", "erase", subject)
    assert (refused.status, refused.line) == (2, "an erasure cannot be undone: say `--yes`")
    erased = sluice(live.folder, "consent", "erase", subject, "--yes", "--json")
    assert (erased.status, json.loads(erased.out)["scrubbed"]) == (0, True)
    gone = sluice(live.folder, "consent", "erase", subject, "--yes")
    assert (gone.status, gone.line) == (2, "there is no such subject")
    with database(live) as db:
        assert db.execute("SELECT count(*) FROM subject").fetchone() == (3,)
    assert live.verify().ok
