"""`sluice check` as a city uses it: on a gateway, or on a policies folder in a repository of its own."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from consent.policy_files import read_policy_files, unused_profiles
from gateway.check import brokers
from gateway.commands import check as commands_check
from gateway.commands.check import check_folder, check_gateway
from gateway.config import load_config
from gateway.recipient.keys import generate, load_fingerprint
from tests.support.asking import perform
from tests.support.checkout import ROOT
from tests.support.inside import started
from tests.support.live import LiveGateway
from tests.support.shell import Done, sluice

CASES = "policies/city.cases.toml"
FAILING = '\n[case.by-the-minute]\ndevice = "meter"\nzone = "garden-row"\nflow = "energy-hourly"\n'
FAILING += 'residents = [{ status = "Given" }]\ndisclosure = { time = "1min" }\n'
TWICE = "what both match is delivered twice, and counted once only where the broker tells by which it came"
FAILURE = "`city.cases.toml`: `case.by-the-minute`: expected time `1min`, got time `1h` (held by `ask`)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped policies in it, and nothing else."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's folder: configuration, keys, the shipped policies with their recipients' keys."""
    folder = tmp_path_factory.mktemp("installed") / "g"
    LiveGateway(folder, port=1)
    return folder


def check(folder: Path, *arguments: str) -> Done:
    """Check the policies in a folder, with no gateway near."""
    return sluice(folder, "check", "--policies", "policies", *arguments)


def append(folder: Path, file: str, text: str) -> None:
    """Put a text behind a file's end."""
    with (folder / file).open("a") as target:
        target.write(text)


def replace(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a text that stands in a file."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))


def report(done: Done) -> dict[str, Any]:
    """Return what `--json` printed, which is one line whatever was found."""
    assert done.out.count("\n") == 1
    found: dict[str, Any] = json.loads(done.out)
    return found


def outcomes_of(file: Path) -> dict[tuple[str, str], str]:
    """Return the outcome of each test of a JUnit document, after checking that its counts are those of its tests."""
    root = ET.parse(file).getroot()  # noqa: S314  our own file
    assert root.tag == "testsuites"
    outcomes: dict[tuple[str, str], str] = {}
    for suite in root:
        tests = suite.findall("testcase")
        for test in tests:
            verdict = [child.tag for child in test if child.tag != "system-out"]
            outcomes[str(test.get("classname")), str(test.get("name"))] = verdict[0] if verdict else "passed"
        assert int(suite.get("tests", -1)) == len(tests)
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        assert int(root.get(name, -1)) == list(outcomes.values()).count(tag)
    assert int(root.get("tests", -1)) == len(outcomes)
    return outcomes


# well


def test_check_tells_which_profiles_of_the_folder_are_not_in_force(folder: Path) -> None:
    """And takes those that come with the program from there; a file that is not in force may be as broken as it likes."""
    for path in (folder / "policies/devices").glob("*.toml"):
        path.unlink()
    assert check(folder).out.startswith("well: 5 flows, 54 cases, 22 examples, policies ")
    assert "use.devices" not in check(folder).out
    (folder / "policies/devices/my-meter.toml").write_text("no toml")
    note = "note: `city.toml`: `use.devices`: does not name `my-meter` of `devices/`: not in force, and not checked"
    assert note in check(folder).out.splitlines()
    replace(folder, "policies/city.toml", '"footfall"]', '"footfal"]')
    said = "there is no device profile `footfal`, in `devices/` or shipped; near it: `footfall`"
    assert check(folder).err == f"sluice: `city.toml`: `use.devices`: {said}\n"


def test_topics_in_examples_of_shipped_profiles_are_no_citys(installed: Path) -> None:
    """A gateway whose filters match none of them is told so of its own files alone."""
    policies = installed / "policies"
    city = (policies / "city.toml").read_text()
    try:
        replace(installed, "policies/city.toml", '"footfall"]', '"footfall", "tasmota-sensor"]')
        assert "tele/balcony/SENSOR" not in sluice(installed, "check").out
        append(installed, "policies/devices/tasmota-sensor.toml", "# ours\n")
        assert "no filter of this gateway matches `tele/balcony/SENSOR`" in sluice(installed, "check").out
    finally:
        (policies / "city.toml").write_text(city)


def test_check_of_the_shipped_policies_alone_is_well(folder: Path) -> None:
    """No configuration, no keys: the sum of it, then what is worth knowing; keys that are not there are no fault."""
    done = check(folder)
    lines = done.out.splitlines()
    assert (done.status, done.err) == (0, "")
    assert lines[0].startswith("well: 5 flows, ")
    assert [line.split(": ")[0] for line in lines[1:] if line.startswith("note")] == ["note"] * 5
    assert "`city.toml`: `use.devices`: does not name `ai-on-the-edge`, " in done.out
    assert "`devices/secure-meter.toml`: `fields.totalConsumption`: no flow asks for `totalConsumption`" in done.out
    assert "`recipient.city-energy.public_key_file`: there is no `keys/city-energy.pub` here" in done.out


def test_shipped_cases_all_pass_and_cover_what_citizens_ask(folder: Path) -> None:
    """They are documentation: each flow, neighbourhood and device profile occurs, and nearly every reason."""
    checked = check_folder(folder / "policies", None)
    assert (checked.failed, checked.faults) == ((), ())
    policies = checked.policies
    assert policies is not None
    cases = [outcome.case for outcome in checked.outcomes]
    assert len(cases) >= 40
    assert {case.flow for case in cases} == policies.flows.keys()
    assert {case.device for case in cases} == policies.profiles.keys()
    assert {policies.zones[case.zone].neighbourhood for case in cases} == {None, *policies.neighbourhoods}
    refusals = {"no-consent", "requested", "refused", "withdrawn", "paused", "revoked", "expired", "invalidated"}
    assert refusals | {"has-subject", "no-subject-consent"} <= {case.expected.reason for case in cases}
    held = {source.partition(":")[0] for case in cases for _, sources in case.expected.bounds for source in sources}
    assert held == {"ask", "ceiling", "neighbourhood", "class-cap", "consent"}


def test_check_of_a_gateway_runs_its_cases_too(installed: Path) -> None:
    """With the keys there, what is left: their fingerprints, the property that goes nowhere, profiles not in use, no broker."""
    keys = installed / "policies/keys"
    done = sluice(installed, "check")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith("well: 5 flows, ")
    assert len(done.out.splitlines()) == 14
    assert [line.split(": ")[:3] for line in done.out.splitlines() if "`gateway.toml`" in line] == [
        ["note", "`gateway.toml`", key] for key in ("`state_folder`", "`broker`", "`sink.city`")
    ]
    found = report(sluice(installed, "check", "--json"))
    assert found["keys"] == {name: load_fingerprint(keys / f"{name}.pub") for name in ("city-energy", "city-environment")}
    assert found["failed"] == 0
    assert all(case["passed"] for case in found["cases"])


def test_check_leaves_a_running_gateway_that_does_not_answer_alone(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask its brokers would end its connections."""

    async def ask(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(brokers, "ask_terms", ask)
    monkeypatch.setattr(commands_check, "_STATUS_S", 0.1)
    place = load_config(installed / "gateway.toml")
    place.control_socket.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(place.control_socket))
        silent.listen()
        checked = check_gateway(installed / "gateway.toml")
    place.control_socket.unlink()
    told = [note.message for note in checked.notes if note.file == "gateway.toml"]
    assert len(told) == 2
    assert all("does not answer" in message for message in told)


def test_check_of_a_running_gateway_whose_brokers_are_away_says_where_to_look(tmp_path: Path) -> None:
    """What the gateway could not find out is not told as a broker that keeps silent."""
    live = LiveGateway(tmp_path / "g", port=1)
    live.start()
    try:
        checked = check_gateway(live.config)
    finally:
        live.end()
    told = [(note.key, note.message) for note in checked.notes if note.file == "gateway.toml"]
    assert [key for key, _ in told] == ["broker", "sink.city"]
    assert all("the running gateway is not connected to it: " in message for _, message in told)


async def _rotate(live: LiveGateway) -> None:
    """Replace both of a gateway's own keys, while nothing else runs."""
    for which in ("root", "log"):
        async with started(live) as durable:
            await perform(durable, ("keys.rotate", {"key": which}))


@pytest.mark.parametrize(("file", "said"), [("log.skey", "handed the log over to"), ("root-*", "has no `root-….kept`")])
def test_check_finds_keys_that_no_start_could_use(tmp_path: Path, file: str, said: str) -> None:
    """An old copy of the log's key, put back after the log went over to another; a root key without what it has kept."""
    live = LiveGateway(tmp_path / "g", port=1)
    before = (live.place.keys / "log.skey").read_bytes()
    asyncio.run(_rotate(live))
    assert check_gateway(live.config).faults == ()
    for path in live.place.keys.glob(file):
        path.unlink()
    if file == "log.skey":
        (live.place.keys / file).write_bytes(before)
        (live.place.keys / file).chmod(0o600)
        (live.place.keys / "log.vkey").unlink()
    (fault,) = check_gateway(live.config).faults
    assert fault.key == "keys_folder"
    assert said in fault.message


def test_check_of_a_gateway_counts_its_homes_whether_it_runs_or_not(tmp_path: Path) -> None:
    """Sixteen homes of one zone, of which an hourly sum wants fifteen."""
    live = LiveGateway(tmp_path / "g", port=1)
    live.start()
    try:
        row = {"profile": "meter", "zone": "north-quay", "owner": "resident", "subject": "new"}
        live.call("device.add", {"devices": [{**row, "topic": f"t/{n}"} for n in range(16)]})
        running = check_gateway(live.config)
    finally:
        live.end()
    resting = check_gateway(live.config)
    for checked in (running, resting):
        errors = {error.flow: (error.cell, error.homes) for error in checked.errors}
        assert errors == dict.fromkeys(("energy-hourly", "energy-typical-week"), ("riverside", 16))
        few = [note.message for note in checked.notes if note.key == "flow.energy-typical-week.ask.group"]
        homes = "the gateway has `16` homes with `consumption` in `riverside`, and nowhere more"
        assert few == [f"{homes}: of fewer than `50` hardly a figure is ever told"]


def test_check_of_policies_alone_needs_nothing_else_and_writes_nothing(folder: Path) -> None:
    """A repository stays as it is."""
    before = sorted(path for path in folder.rglob("*"))
    assert check(folder).status == 0
    assert sorted(path for path in folder.rglob("*")) == before


def test_check_of_policies_without_cases_is_well(folder: Path) -> None:
    """Cases are an offer."""
    for file in (folder / "policies").rglob("*.cases.toml"):
        file.unlink()
    assert ", 0 cases, " in check(folder).out


def test_check_takes_any_sink_where_no_gateway_is_near(folder: Path, installed: Path) -> None:
    """What a sink is called is the gateway's matter; there the same policies are refused."""
    replace(folder, "policies/city.toml", 'sink = "city"', 'sink = "elsewhere"')
    assert check(folder).status == 0
    shutil.copytree(installed, folder / "g")
    replace(folder, "g/policies/city.toml", 'sink = "city"', 'sink = "elsewhere"')
    done = sluice(folder / "g", "check")
    assert done.status == 2
    assert done.line == "`city.toml`: `recipient.city-energy.sink`: the configuration has no sink `elsewhere`"


# a case that fails


def test_failing_case_is_told_by_file_and_key_with_exit_status_1(folder: Path) -> None:
    """What was expected, what came, and who holds it there."""
    append(folder, CASES, FAILING)
    done = check(folder)
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[0] == FAILURE
    assert lines[1].startswith("failed: 1 of 55 cases, 0 of 22 examples, policies ")


def test_change_of_policy_makes_the_cases_it_touches_fail(folder: Path) -> None:
    """The council doubles how long figures are kept: just the examples that promise less say so."""
    replace(folder, "policies/city.toml", "group = 15, retention = 730", "group = 15, retention = 1460")
    done = check(folder)
    assert done.status == 1
    failed = [line.split("`")[3] for line in done.out.splitlines() if " expected " in line]
    assert failed == ["case.yes-to-energy-planning-counts-by-the-hour", "case.more-than-is-asked-for"]
    assert "expected retention `730`, got retention `1460` (held by `ask`)" in done.out


def test_failing_case_in_json_has_file_case_expected_and_got(folder: Path) -> None:
    """For programs."""
    append(folder, CASES, FAILING)
    done = check(folder, "--json")
    found = report(done)
    assert (done.status, found["failed"], found["errors"]) == (1, 1, [])
    (failed,) = [case for case in found["cases"] if not case["passed"]]
    assert failed == {
        "file": "city.cases.toml",
        "case": "by-the-minute",
        "passed": False,
        "expected": "time `1min`",
        "got": "time `1h` (held by `ask`)",
    }


# JUnit


def test_junit_has_a_test_for_each_file_and_each_case(folder: Path) -> None:
    """And the same text as without it."""
    append(folder, CASES, FAILING + 'says = "<Who & what> \\u0001"\n')
    done = check(folder, "--junit", "report.xml")
    assert done.status == 1
    outcomes = outcomes_of(folder / "report.xml")
    found = report(check(folder, "--json"))
    assert len([name for _, name in outcomes if name != "can be used"]) == len(found["cases"]) + len(found["examples"])
    policies = folder / "policies"
    files = {path.relative_to(policies).as_posix() for path in policies.rglob("*.toml")}
    files -= {f"devices/{name}.toml" for name in unused_profiles(policies, read_policy_files(policies))}
    assert {file for file, name in outcomes if name == "can be used"} == files
    assert outcomes["city.cases.toml", "by-the-minute"] == "failure"
    assert outcomes["neighbourhoods/convent.cases.toml", "daily-totals-stay-single"] == "passed"
    assert set(outcomes.values()) == {"passed", "failure"}


def test_junit_of_a_broken_policy_marks_it_and_skips_the_rest(folder: Path) -> None:
    """What could not be judged does not pass."""
    append(folder, "policies/city.toml", "\n[limits2]\n")
    assert check(folder, "--junit", "report.xml").status == 2
    outcomes = outcomes_of(folder / "report.xml")
    assert outcomes.pop(("city.toml", "can be used")) == "error"
    assert set(outcomes.values()) == {"skipped"}


def test_junit_that_cannot_be_written_is_one_line(folder: Path) -> None:
    """The file is named."""
    done = check(folder, "--junit", "none/report.xml")
    assert done.status == 2
    assert done.line == "`none/report.xml`: no such file or directory"


# a file that is broken


def _city(folder: Path) -> None:
    append(folder, "policies/city.toml", "\n[limits2]\n")


def _encoding(folder: Path) -> None:
    file = folder / "policies/city.toml"
    file.write_bytes(file.read_text().encode("latin-1"))


def _marked(folder: Path) -> None:
    file = folder / "policies/devices/meter.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())


def _truncated(folder: Path) -> None:
    file = folder / "policies/city.toml"
    file.write_bytes(file.read_bytes()[:-40])


def _duplicate(folder: Path) -> None:
    replace(folder, "policies/city.toml", "[flow.energy-daily-totals]", "[flow.energy-hourly]")


def _huge(folder: Path) -> None:
    append(folder, "policies/neighbourhoods/convent.toml", "#" * (1 << 20))


def _looped(folder: Path) -> None:
    (folder / "policies/city.toml").unlink()
    (folder / "policies/city.toml").symlink_to("city.toml")


def _folder_for_file(folder: Path) -> None:
    (folder / "policies/devices/extra.toml").mkdir()


def _case_key(folder: Path) -> None:
    append(folder, CASES, FAILING + "colour = 1\n")


def _case_reference(folder: Path) -> None:
    append(folder, CASES, FAILING.replace("garden-row", "moon"))


def _case_encoding(folder: Path) -> None:
    (folder / CASES).write_text("# x", encoding="utf-16")


def _field_map(folder: Path) -> None:
    replace(folder, "policies/devices/secure-meter.toml", 'path = "total_kwh"', 'path = "kwh"')


def _key_garbage(folder: Path) -> None:
    (folder / "policies/keys").mkdir()
    (folder / "policies/keys/city-energy.pub").write_bytes(b"\xff\x00")


def _key_loop(folder: Path) -> None:
    (folder / "policies/keys").mkdir()
    (folder / "policies/keys/city-energy.pub").symlink_to("city-energy.pub")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_city, "`city.toml`: `limits2`: is not a known key"),
        (_encoding, "`city.toml`: is not utf-8 at byte "),
        (_marked, "`devices/meter.toml`: begins with a byte order mark: save it as utf-8 without one"),
        (_truncated, "`city.toml`: is not toml: "),
        (_duplicate, "`city.toml`: is not toml: `flow.energy-hourly` stands there twice, the second time in line "),
        (_huge, "`neighbourhoods/convent.toml`: makes the files longer than 1048576 bytes together"),
        (_looped, "`city.toml`: cannot be read: too many levels of symbolic links"),
        (_folder_for_file, "`devices/extra.toml`: is a folder, and should be a file"),
        (_case_key, "`city.cases.toml`: `case.by-the-minute.colour`: is not a known key"),
        (_case_reference, "`city.cases.toml`: `case.by-the-minute.zone`: there is no zone `moon`"),
        (_case_encoding, "`city.cases.toml`: is not utf-8, but looks like utf-16: save it as utf-8"),
        (_field_map, "`devices/secure-meter.toml`: `fields."),
        (_key_garbage, "`city.toml`: `recipient.city-energy.public_key_file`: `keys/city-energy.pub`: "),
        (_key_loop, "`city.toml`: `recipient.city-energy.public_key_file`: `keys/city-energy.pub`: cannot be read: too many"),
    ],
)
def test_broken_file_is_one_line_with_exit_status_2(spoil: Callable[[Path], None], line: str, folder: Path) -> None:
    """File and key on standard error; for programs the same on standard output."""
    spoil(folder)
    done = check(folder)
    assert (done.status, done.out) == (2, "")
    assert done.line.startswith(line)
    as_json = check(folder, "--json")
    (error,) = report(as_json)["errors"]
    assert as_json.status == 2
    where = f"`{error['file']}`: `{error['key']}`" if error["key"] else f"`{error['file']}`"
    assert f"{where}: {error['message']}" == done.line


def test_broken_cases_do_not_hide_those_that_fail(folder: Path) -> None:
    """Every file of cases is judged by itself, and the broken ones decide the exit status."""
    append(folder, CASES, FAILING)
    append(folder, "policies/neighbourhoods/convent.cases.toml", "\n[[")
    append(folder, "policies/neighbourhoods/old-town.cases.toml", "\n[other]\n")
    done = check(folder, "--junit", "report.xml")
    assert done.status == 2
    assert done.out == f"{FAILURE}\n"
    errors = done.err.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith("sluice: `neighbourhoods/convent.cases.toml`: is not toml: ")
    assert errors[1] == "sluice: `neighbourhoods/old-town.cases.toml`: `other`: is not a known key"
    assert list(outcomes_of(folder / "report.xml").values()).count("error") == 2


@pytest.mark.parametrize("name", ["none", "policies/city.toml", "policies/devices"])
def test_policies_folder_that_is_none_is_refused(name: str, folder: Path) -> None:
    """Absent, a file, or the wrong folder."""
    done = sluice(folder, "check", "--policies", name)
    assert done.status == 2
    assert "city.toml`: " in done.line or "`ai-on-the-edge.toml`: is neither" in done.line


def test_private_key_in_the_policies_is_refused_and_not_shown(folder: Path) -> None:
    """A repository is a bad place for it; the line names the file and not its content."""
    (folder / "policies/keys").mkdir()
    secret = generate(folder / "mine").private_path.read_text()
    (folder / "policies/keys/city-energy.pub").write_text(secret)
    done = check(folder)
    assert done.status == 2
    assert "`keys/city-energy.pub`" in done.line
    assert secret.splitlines()[-1].rpartition(":")[2] not in done.line


def test_overlapping_filters_are_warned_of_by_name(installed: Path) -> None:
    """One that another covers is named with it, and two that overlap with each other."""
    config = (installed / "gateway.toml").read_text()
    listed = '["field/#", "field/BLE/+", "a/+/c", "a/b/+"]'
    (installed / "overlapping.toml").write_text(config.replace('filters = ["t/#"]', f"filters = {listed}"))
    done = sluice(installed, "check", "--config", "overlapping.toml", "--json")
    assert done.status == 0
    assert [note["message"] for note in report(done)["notes"] if note["key"] == "broker.filters"] == [
        "`field/BLE/+` brings nothing that `field/#` does not: take it out",
        "`a/+/c` and `a/b/+` overlap: " + TWICE,
    ]


def test_key_of_two_recipients_is_warned_of(folder: Path) -> None:
    """One file copied to two names: each could open what is for the other."""
    (folder / "policies" / "keys").mkdir()
    generate(folder / "one.key", folder / "policies" / "keys" / "city-energy.pub")
    keys = folder / "policies" / "keys"
    shutil.copy(keys / "city-energy.pub", keys / "city-environment.pub")
    said = "`recipient.city-environment.public_key_file`: is the key of `city-energy` too: each can open what is for the other"
    assert said in check(folder).out


# what the gateway would read, and what is wrong all the same


def _zone(folder: Path) -> None:
    replace(folder, "policies/city.toml", "Europe/Madrid", "Europe/Madird")


def _unit(folder: Path) -> None:
    for _ in ("consumption", "totalConsumption"):
        replace(folder, "policies/city.toml", 'unit = "kW.h"', 'unit = "kWh"')


def _class_unit(folder: Path) -> None:
    replace(folder, "policies/devices/meter.toml", 'unit = "kW.h"', 'unit = "banana"\nscale = 2')


def _other_zero(folder: Path) -> None:
    replace(folder, "policies/devices/air-station.toml", 'unit = "Cel"', 'unit = "[degF]"\nscale = 0.5556')


def _list_path(folder: Path) -> None:
    replace(folder, "policies/devices/meter.toml", 'path = "kwh"', 'path = "messages.0.value"')


def _quote_path(folder: Path) -> None:
    replace(folder, "policies/devices/meter.toml", 'path = "kwh"', "path = 'k\"wh'")


def _example_key(folder: Path) -> None:
    append(folder, "policies/devices/meter.toml", "\n[[example]]\npayload = ''\n")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_zone, "`city.toml`: `city.timezone`: `Europe/Madird` is no time zone of the IANA database: is `Europe/Madrid` meant?"),
        (_unit, "`city.toml`: `property.consumption.unit`: `kWh` is no UCUM code: write `kW.h`"),
        (_class_unit, "`devices/meter.toml`: `fields.consumption.unit`: `banana` is no UCUM code, such as "),
        (
            _other_zero,
            "`devices/air-station.toml`: `fields.temperature.unit`: `[degF]` has another zero than the property's `Cel`",
        ),
        (_list_path, "`devices/meter.toml`: `fields.consumption.path`: `messages.0.value`: write `[0]` for a position in a list"),
        (_quote_path, '`devices/meter.toml`: `fields.consumption.path`: `k"wh` holds `"`, which means nothing there'),
        (_example_key, "`devices/meter.toml`: `example.5`: should say what comes of it by one of "),
    ],
)
def test_policies_that_parse_and_cannot_work_are_faulty(spoil: Callable[[Path], None], line: str, folder: Path) -> None:
    """Time zones, units, paths and examples: by file and key, on standard error and for programs."""
    spoil(folder)
    done = check(folder, "--json")
    faults = [fault.removeprefix("sluice: ") for fault in done.err.splitlines()]
    assert done.status == 2
    assert any(fault.startswith(line) for fault in faults), faults
    assert len(report(done)["errors"]) == len(faults)


def test_example_of_which_the_gateway_makes_something_else_is_a_finding(folder: Path) -> None:
    """In lines, as JSON and as JUnit; with exit status 1, as a case."""
    replace(folder, "policies/devices/meter.toml", "value = 0.131, unit", "value = 1.31, unit")
    done = check(folder, "--junit", "report.xml")
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[0] == "`devices/meter.toml`: `example.0.readings.0.value`: expected `1.31`, got `0.131`"
    assert lines[1].startswith("failed: 0 of 54 cases, 1 of 22 examples, policies ")
    assert outcomes_of(folder / "report.xml")["devices/meter.toml", "example.0"] == "failure"
    found = report(check(folder, "--json"))
    assert found["failed"] == 1
    assert [one for one in found["examples"] if not one["passed"]] == [
        {
            "file": "devices/meter.toml",
            "example": "example.0",
            "passed": False,
            "differences": [{"key": "example.0.readings.0.value", "message": "expected `1.31`, got `0.131`"}],
        }
    ]


def test_configuration_and_policies_are_told_of_together(installed: Path, tmp_path: Path) -> None:
    """One fault hides no other: of the configuration, its keys, and the policies."""
    folder = tmp_path / "g"
    shutil.copytree(installed, folder)
    (folder / "password").write_text("\n")
    (folder / "password").chmod(0o600)
    replace(folder, "gateway.toml", "[broker]\nport = 1", '[broker]\nport = 1\nuser = "gw"\npassword_file = "password"')
    append(folder, "gateway.toml", "\n[metrics]\nport = 1\n")
    replace(folder, "policies/city.toml", "Europe/Madrid", "Europe/Madird")
    (folder / "keys/log.skey").unlink()
    done = sluice(folder, "check", "--json", "--junit", "report.xml")
    assert done.status == 2
    assert [(error["file"], error["key"]) for error in report(done)["errors"]] == [
        ("gateway.toml", "metrics.port"),
        ("gateway.toml", "metrics.port"),
        ("gateway.toml", "broker.password_file"),
        ("gateway.toml", "keys_folder"),
        ("city.toml", "city.timezone"),
    ]
    assert [where for where, outcome in outcomes_of(folder / "report.xml").items() if outcome == "error"] == [
        ("city.toml", "can be used"),
        ("gateway.toml", "can be used"),
    ]


@pytest.mark.parametrize(
    ("text", "key"), [("gateway = 1\n", "gateway"), ("[[", ""), ('gateway = "g"\n[broker]\nfilters = ["#a"]\n', "broker.filters")]
)
def test_configuration_that_cannot_be_read_is_reported_too(tmp_path: Path, text: str, key: str) -> None:
    """As JSON and JUnit, as everything else."""
    (tmp_path / "gateway.toml").write_text(text)
    done = sluice(tmp_path, "check", "--json", "--junit", "report.xml")
    (error,) = report(done)["errors"]
    assert (done.status, error["file"], error["key"]) == (2, "gateway.toml", key)
    assert outcomes_of(tmp_path / "report.xml") == {("gateway.toml", "can be used"): "error"}


def test_topics_that_no_filter_matches_are_told_where_they_are_registered_and_checked(tmp_path: Path) -> None:
    """At `device add`, on the list, and by a check while the gateway runs; never by their name."""
    live = LiveGateway(tmp_path / "g", port=1)
    replace(live.folder, "policies/devices/meter.toml", 'says = "What was', 'topic = "m/1"\nsays = "What was')
    live.start()
    try:
        common = ("--profile", "meter", "--zone", "garden-row", "--owner", "city")
        heard = sluice(live.folder, "device", "add", *common, "--topic", "t/1")
        lost = sluice(live.folder, "device", "add", *common, "--topic", "u/1")
        assert (heard.status, heard.err) == (0, "")
        assert lost.status == 0
        assert lost.err.startswith("sluice: warning: no filter matches the topic of `")
        (as_json,) = [sluice(live.folder, "device", "add", *common, "--topic", "u/2", "--json")]
        assert len(json.loads(as_json.out)["warnings"]) == 1
        rows = json.loads(sluice(live.folder, "device", "list", "--json").out)["devices"]
        assert [row.get("unmatched", False) for row in rows] == [False, True, True]
        notes = report(sluice(live.folder, "check", "--json"))["notes"]
    finally:
        live.end()
    told = [(note["weight"], note["key"], note["message"]) for note in notes if "no filter" in note["message"]]
    assert told == [
        ("note", "example.0.topic", "no filter of this gateway matches `m/1`"),
        ("warning", "broker.filters", told[1][2]),
    ]
    assert told[1][2].startswith("no filter matches the topics to which `2` devices, such as `")
    assert "u/" not in f"{lost.err}{told[1][2]}"


def test_running_gateway_never_loads_the_check(tmp_path: Path) -> None:
    """Nor the library of units, which takes more memory than the gateway's own code; the contract says so of what is written."""
    live = LiveGateway(tmp_path / "g", port=1)
    live.start(environment={"PYTHONPROFILEIMPORTTIME": "1"})
    try:
        row = {"profile": "meter", "zone": "garden-row", "topic": "t/1", "owner": "city", "subject": "none"}
        live.call("device.add", {"devices": [row]})
        live.call("device.list")
        live.stop()
    finally:
        live.end()
    loaded = {line.rpartition("|")[2].strip() for line in live.log().splitlines() if line.startswith("import time:")}
    assert "gateway.core.pipeline" in loaded
    assert [name for name in loaded if re.match(r"pint|ucumvert|lark|gateway\.check|gateway\.commands\.check", name)] == []
