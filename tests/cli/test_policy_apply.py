"""`sluice policy apply`, SIGHUP and a restart: nothing comes into force that the operator has not seen, other keys included."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consent.core.policies.archive import unpack_files
from consent.shipped_profiles import shipped_text
from gateway.recipient.keys import generate, load_fingerprint
from tests.support.live import LiveGateway
from tests.support.shell import Done, sluice
from tests.support.waiting import HANG_S

FLOW = "energy-hourly"
ASK = 'ask = { identity = "aggregate", time = "1h", space = "district", precision = { consumption = 0.1 }'
KEY = "keys/city-energy.pub"
HOMES = 15


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway with fifteen households that have agreed to hourly sums, its brokers away; not started."""
    gateway = LiveGateway(tmp_path / "g", port=1)
    rows = [
        {"profile": "meter", "zone": "north-quay", "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(HOMES)
    ]
    homes = [device["subject"] for device in gateway.add_devices(rows)]
    gateway.offline([("consent.grant", {"subject": home, "scope": FLOW}) for home in homes])
    try:
        yield gateway
    finally:
        gateway.end()


def rise(live: LiveGateway) -> None:
    """Ask for watt-hours, which also fails cases."""
    city = live.place.policies / "city.toml"
    text = city.read_text()
    assert ASK in text
    city.write_text(text.replace(ASK, ASK.replace("0.1", "0.001")))


def policy(live: LiveGateway, *arguments: str, status: int = 0) -> Done:
    """Run a policy command that ends with a status."""
    done = sluice(live.folder, "policy", *arguments)
    assert done.status == status, done
    return done


def shown(live: LiveGateway) -> Any:
    """Return what is in force."""
    return json.loads(policy(live, "show", "--json").out)


def logged(live: LiveGateway, event: str) -> Any:
    """Wait for a log line, and return it."""
    deadline_s = time.monotonic() + HANG_S
    while True:
        lines = [json.loads(line) for line in live.log().splitlines() if line.startswith("{")]
        found = [line for line in lines if line["event"] == event]
        if found:
            return found[-1]
        assert time.monotonic() < deadline_s, live.log()
        time.sleep(0.02)


@pytest.mark.parametrize("running", [False, True], ids=["offline", "running"])
def test_apply_asks_before_it_ends_the_consents_of_fifteen_households(running: bool, live: LiveGateway) -> None:
    """Refused, tried, accepted: the same numbers each time, and only the last changes anything."""
    before = shown(live)
    rise(live)
    if running:
        live.start()
    line = policy(live, "apply", status=1).line
    assert "cases fail (`city.cases.toml`: " in line
    assert f"`{FLOW}` of `meter` precision.consumption 0.1 kW.h → 0.001 kW.h, whoever agrees" in line
    assert f"{HOMES} consents of {HOMES} subjects end (`{FLOW}` {HOMES})" in line
    tried = policy(live, "apply", "--dry-run", status=1).out
    assert "would be refused without `--accept`; nothing has changed" in tried
    assert f"rises  {FLOW}  meter" in tried
    assert f"{HOMES} consents of {HOMES} subjects end (`{FLOW}` {HOMES})" in tried
    policy(live, "apply", "--dry-run", "--accept")
    assert shown(live) == before
    applied = json.loads(policy(live, "apply", "--accept", "--json").out)
    assert applied["ends"] == {"consents": HOMES, "subjects": HOMES, "flows": {FLOW: HOMES}}
    assert len(applied["failed"]) >= 1
    assert {row["axis"] for row in applied["rises"] if row["flow"] == FLOW} == {"precision.consumption"}
    assert shown(live)["log_index"] == applied["log_index"] > before["log_index"]
    again = policy(live, "apply", "--dry-run", status=1).out
    assert again.startswith(f"policies {applied['sha256']} would be refused"), "its cases still fail"
    if running:
        assert live.stop() == 0
        assert "Traceback" not in live.log()
    assert live.verify().exit_status == 0


def test_profiles_that_come_with_the_program_lie_in_the_log_once_they_are_in_force(live: LiveGateway) -> None:
    """An auditor reads what decided from the log, whatever program they have; without a change of the text nothing changes."""
    folder = live.place.policies
    shutil.rmtree(folder / "devices")
    assert "would come into force" in policy(live, "apply", "--dry-run").out
    assert sluice(live.folder, "policy", "diff", "in-force", str(folder)).out == ""
    city = folder / "city.toml"
    city.write_text(city.read_text().replace('"footfall"]', '"footfall", "tasmota-sensor"]'))
    applied = json.loads(policy(live, "apply", "--accept", "--json").out)
    (archived,) = [path for path in live.place.log.rglob(applied["sha256"]) if path.is_file()]
    files = unpack_files(archived.read_bytes())
    assert files["devices/tasmota-sensor.toml"] == shipped_text("tasmota-sensor")
    assert files["devices/meter.toml"] == shipped_text("meter")
    assert live.verify().exit_status == 0


def test_sighup_and_restart_put_nothing_in_force_that_apply_would_refuse(live: LiveGateway) -> None:
    """Each says in the log what to type, and that does it."""
    live.start()
    before = live.call("policy.show")
    rise(live)
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    refused = logged(live, "policies not applied")
    assert f"{HOMES} consents of {HOMES} subjects end" in refused["problem"]
    assert re.fullmatch(rf"sluice policy apply --accept [0-9a-f]{{16}} --config {live.config}", refused["command"])
    assert live.call("policy.show") == before
    assert live.stop() == 0
    live.start()
    told = logged(live, "the policies folder is not what is in force; a start changes nothing of that")
    assert told["command"] == f"sluice policy apply --config {live.config}"
    assert live.call("policy.show") == before
    assert sluice(live.folder, *refused["command"].split()[1:]).status == 0
    assert live.call("policy.show") != before
    assert live.stop() == 0


def test_start_on_a_broken_folder_goes_on_with_what_is_in_force(live: LiveGateway) -> None:
    """And names the fault."""
    (live.place.policies / "city.toml").write_text("[city\n")
    live.start()
    told = logged(live, "the policies folder cannot be applied; what was in force stays so")
    assert told["problem"].startswith("`city.toml`: ")
    assert FLOW in live.call("policy.show")["flows"]
    assert live.stop() == 0


def test_dry_run_before_the_first_start_begins_no_log(tmp_path: Path) -> None:
    """It tells the keys; the first start then puts the folder in force."""
    live = LiveGateway(tmp_path / "g", port=1)
    tried = json.loads(policy(live, "apply", "--dry-run", "--json").out)
    own = load_fingerprint(live.place.policies / KEY)
    assert {"recipient": "city-energy", "fingerprint": own, "before": None} in tried["keys"]
    assert not (live.place.log / "checkpoint").exists()
    assert shown(live)["keys"]["city-energy"] == own


def test_first_apply_with_a_failing_case_is_accepted_or_refused(tmp_path: Path) -> None:
    """No other way leads around the cases, such as a device that is added first."""
    live = LiveGateway(tmp_path / "g", port=1)
    rise(live)
    assert "cases fail" in policy(live, "apply", status=1).line
    one = ("--profile", "meter", "--zone", "north-quay", "--topic", "t/1", "--owner", "city")
    assert "cases fail" in sluice(live.folder, "device", "add", *one).line
    policy(live, "apply", "--accept")
    assert FLOW in shown(live)["flows"]


def test_key_that_somebody_replaced_shows_in_each_place_where_it_could_come_in(live: LiveGateway) -> None:
    """The comment kept: `check` and `apply` refuse it. The whole file replaced: both fingerprints stand side by side."""
    file, attacker = live.place.policies / KEY, generate(live.folder / "attacker")
    own = load_fingerprint(file)
    text = file.read_text()
    assert f"key of `city-energy`: {own}\n" in sluice(live.folder, "check").out
    file.write_text(text.replace(text.splitlines()[-1], attacker.public_path.read_text().splitlines()[-1]))
    for done in (sluice(live.folder, "check"), policy(live, "apply", "--accept", status=2)):
        assert done.status == 2
        assert f"`{KEY}`: a comment gives the fingerprint `{own}`, and that of the key is `{attacker.fingerprint}`" in done.line
    shutil.copy(attacker.public_path, file)
    assert f"key of `city-energy`: {attacker.fingerprint}\n" in sluice(live.folder, "check").out
    change = f"key of `city-energy`: now {attacker.fingerprint}, before {own}"
    assert change in policy(live, "apply", status=1).line
    assert change in policy(live, "apply", "--accept").out.splitlines()
    assert shown(live)["keys"]["city-energy"] == attacker.fingerprint


def test_recipient_fingerprint_is_computed_from_either_half(tmp_path: Path) -> None:
    """Of the file that was sent, and of the private key that never left."""
    pair = generate(tmp_path / "grid")
    for path in (pair.private_path, pair.public_path):
        assert sluice(tmp_path, "recipient", "fingerprint", str(path)).out == f"{pair.fingerprint}\n"
    told = json.loads(sluice(tmp_path, "recipient", "fingerprint", "grid.pub", "--json").out)
    assert told == {"file": "grid.pub", "fingerprint": pair.fingerprint}
    (tmp_path / "no.key").write_text("gateway = 1\n")
    assert sluice(tmp_path, "recipient", "fingerprint", "no.key").status == 2
