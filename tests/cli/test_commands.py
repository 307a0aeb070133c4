"""The verbs from a shell, with a gateway running (over its control socket) and with none (in their own process); and the socket.

The brokers are away throughout: no verb needs them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import build_parser
from gateway.control.context import Door
from gateway.control.methods import METHODS
from tests.support.live import LiveGateway
from tests.support.memory import peak_kib
from tests.support.shell import Shell, cold_sluice, sluice
from tests.support.waiting import HANG_S

PURPOSE = "purpose:energy-planning"
ABSENT = 1  # a port that nothing listens on
NOTHING_SUCH = "00" * 16

# every verb


def _leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, child in action.choices.items():
            yield from _leaves(child, (*path, name))
    if not below:
        yield path, parser


LEAVES = dict(_leaves(build_parser()))
GROUPS = sorted({path[:depth] for path in LEAVES for depth in range(len(path))})


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_of_a_verb_lists_its_options(path: tuple[str, ...], tmp_path: Path) -> None:
    """Every option and operand of the verb stands in its help, and the options say what they are for."""
    done = sluice(tmp_path, *path, "--help")
    assert done.status == 0
    assert done.err == ""
    for action in LEAVES[path]._actions:
        for option in action.option_strings:
            assert option in done.out
        assert action.help, f"`{action.dest}` says nothing"


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: " ".join(path) or "sluice")
def test_help_of_a_group_lists_its_commands(path: tuple[str, ...], tmp_path: Path) -> None:
    """Every command below it stands in a group's help; without one the usage is shown, and the status is 2."""
    done = sluice(tmp_path, *path, "--help")
    assert done.status == 0
    for leaf in LEAVES:
        if leaf[: len(path)] == path:
            assert leaf[len(path)] in done.out
    alone = sluice(tmp_path, *path)
    assert alone.status == 2
    assert alone.err.startswith("usage: sluice")


# the life of a small gateway, with and without a running process


@pytest.fixture(scope="module", params=["running", "offline"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A gateway that runs, or one that does not."""
    live = LiveGateway(tmp_path_factory.mktemp(request.param) / "g", ABSENT, extra="\n")
    try:
        if request.param == "running":
            live.start()
        yield Shell(live)
        if live.process is not None:
            assert live.stop() == 0
            assert "Traceback" not in live.log()
        assert live.verify().exit_status == 0
    finally:
        live.end()


@pytest.fixture(scope="module")
def household(shell: Shell) -> str:
    """The id of a new household with a meter."""
    added = shell.json(
        "device",
        "add",
        "--profile",
        "meter",
        "--zone",
        "north-quay",
        "--topic",
        "t/first",
        "--owner",
        "resident",
        "--subject",
        "new",
    )
    (device,) = added["devices"]
    assert {"device", "subject", "resident", "claim_code"} == device.keys()
    return str(device["subject"])


def test_device_add_from_a_file_registers_every_line(shell: Shell, household: str) -> None:
    """New subjects, a known one and none; a device with a key gets it told once; `list` shows no topic."""
    rows = [
        {"profile": "meter", "zone": "garden-row", "topic": "t/second", "owner": "resident", "subject": household},
        {"profile": "secure-meter", "zone": "garden-row", "topic": "t/third", "owner": "resident", "subject": "new"},
        {"profile": "footfall", "zone": "bridge-square", "topic": "t/fourth", "owner": "city", "subject": "none"},
    ]
    (shell.live.folder / "devices.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    before = len(shell.json("device", "list")["devices"])
    added = shell.json("device", "add", "--from", "devices.jsonl")["devices"]
    assert [sorted(row) for row in added] == [["device"], ["claim_code", "device", "key", "resident", "subject"], ["device"]]
    assert len(bytes.fromhex(added[1]["key"])) == 32
    listed = shell.run("device", "list")
    assert len(shell.json("device", "list")["devices"]) == before + 3
    assert "t/second" not in listed
    assert all(row["device"] in listed for row in added)
    again = sluice(shell.live.folder, "device", "add", "--from", "devices.jsonl")
    assert (again.status, again.err.count("registered already"), len(again.err.splitlines())) == (2, 3, 3)  # a line for each
    assert shell.json("device", "revoke", added[2]["device"]) == {"device": added[2]["device"]}
    assert "no device" in shell.refused("device", "revoke", added[2]["device"])


def test_consent_from_grant_to_withdrawal(shell: Shell, household: str) -> None:
    """Each step answers with its log index and its status, and `show` says what counts then."""
    refused = shell.json("consent", "refuse", household, "noise-hourly")
    limits = ("--limit", "time=4h", "--limit", "space=city", "--limit", "group=20", "--limit", "precision.consumption=1")
    granted = shell.json("consent", "grant", household, PURPOSE, *limits, "--expiry", "2099-01-01T00:00:00Z")
    assert (refused["status"], granted["status"]) == ("Refused", "Given")
    shown = {row["scope"]: row for row in shell.json("consent", "show", household)["consents"]}
    assert shown[PURPOSE]["limits"] == {"time": "4h", "space": "city", "group": 20, "precision": {"consumption": "1"}}
    assert shown[PURPOSE]["expiry_ms"] == 4_070_908_800_000
    paused = shell.json("consent", "pause", household, PURPOSE)
    again = shell.json("consent", "grant", household, PURPOSE)
    withdrawn = shell.json("consent", "withdraw", household, PURPOSE)
    steps = [refused, granted, paused, again, withdrawn]
    indices = [step["log_index"] for step in steps]
    assert indices == sorted(set(indices))
    assert withdrawn["handed_over"] == []
    assert "already" in shell.refused("consent", "withdraw", household, PURPOSE)
    assert PURPOSE in shell.run("consent", "show", household)


@pytest.mark.parametrize("step", ["0.001", "0.01", "0.1", "1"])
def test_precision_can_be_limited_to_every_step_of_the_ladder(shell: Shell, household: str, step: str) -> None:
    """Also to those that are no whole numbers."""
    shell.json("consent", "grant", household, PURPOSE, "--limit", f"precision.consumption={step}", "--limit", "budget=0.5")
    shown = {row["scope"]: row for row in shell.json("consent", "show", household)["consents"]}
    assert shown[PURPOSE]["limits"] == {"precision": {"consumption": step}, "mu": 0.5}


def test_what_was_said_at_the_counter_is_entered_as_that(shell: Shell, household: str) -> None:
    """Of equal effect, and marked in the record; what is entered without a word about it is the operator's."""
    shell.json("consent", "grant", household, PURPOSE, "--channel", "counter")
    shell.json("consent", "pause", household, PURPOSE, "--channel", "counter")
    shell.json("consent", "resume", household, PURPOSE, "--channel", "counter")
    shell.json("consent", "withdraw", household, PURPOSE, "--channel", "counter")
    shell.json("consent", "refuse", household, "noise-hourly", "--channel", "counter")
    history = shell.json("consent", "show", household)["history"]
    assert [row["channel"] for row in history[-5:]] == ["counter"] * 5
    assert sluice(shell.live.folder, "consent", "grant", household, PURPOSE, "--channel", "passkey").status == 2
    receipt = shell.json("consent", "receipt", household, PURPOSE)
    assert "counter" in json.dumps(receipt)


def test_consent_of_an_unknown_subject_resident_or_flow_is_refused(shell: Shell, household: str) -> None:
    """One line, status 2, and nothing is logged."""
    before = shell.json("consent", "show", household)
    for arguments in (
        ("grant", NOTHING_SUCH, PURPOSE),
        ("grant", "nonsense", PURPOSE),
        ("grant", household, "purpose:selling"),
        ("grant", household, "city-sensors"),
        ("grant", household, PURPOSE, "--resident", NOTHING_SUCH),
        ("grant", household, PURPOSE, "--limit", "time=2h"),
        ("grant", household, PURPOSE, "--limit", "group=0"),
        ("grant", household, PURPOSE, "--limit", "colour=red"),
        ("grant", household, PURPOSE, "--limit", "precision.consumption=0.3"),
        ("grant", household, PURPOSE, "--limit", "precision.consumption=NaN"),
        ("grant", household, PURPOSE, "--limit", "identity=none"),
        ("grant", household, PURPOSE, "--limit", "time=null"),
        ("grant", household, PURPOSE, "--limit", "time=4h", "--limit", "time=15min"),
        ("grant", household, PURPOSE, "--expiry", "tomorrow"),
        ("grant", household, PURPOSE, "--expiry", "0001-01-01T00:00:00+23:59"),
        ("grant", household, PURPOSE, "--expiry", "2001-01-01T00:00:00Z"),
        ("show", NOTHING_SUCH),
    ):
        shell.refused("consent", *arguments)
    assert shell.json("consent", "show", household) == before


def test_argument_that_is_no_utf_8_is_refused(shell: Shell, household: str) -> None:
    """One line, whether this process or the gateway would have had to encode it."""
    no_text = os.fsdecode(b"\xff")
    limits = ("--limit", f"group={no_text}")
    assert shell.refused("consent", "grant", household, PURPOSE, *limits)
    assert shell.refused("consent", "refuse", household, no_text)
    added = ("--profile", "meter", "--zone", "north-quay")
    assert shell.refused("device", "add", *added, "--topic", no_text)
    assert cold_sluice(shell.live.folder, "consent", "grant", household, PURPOSE, *limits).status == 2


def test_policy_apply_answers_with_a_log_index(shell: Shell) -> None:
    """The set in force afterwards is the one that was applied."""
    applied = shell.json("policy", "apply")
    shown = shell.json("policy", "show")
    assert (applied["log_index"], applied["sha256"]) == (shown["log_index"], shown["sha256"])
    assert "energy-hourly" in shown["flows"]
    assert applied["sha256"] in shell.run("policy", "show")


def test_check_says_that_all_is_well(shell: Shell) -> None:
    """For people in one line, for programs with the digest that `policy show` gives."""
    assert shell.run("check").startswith("well: ")
    assert shell.json("check")["policies"] == shell.json("policy", "show")["sha256"]


def test_audit_verify_passes_at_any_time(shell: Shell, household: str) -> None:
    """With and without openings, key from a file or in full, while the gateway writes or not."""
    log, vkey = str(shell.live.place.log), shell.live.vkey
    assert shell.live.place.openings is not None
    openings = str(shell.live.place.openings)
    assert "audit: ok" in shell.run("audit", "verify", log, "--key", vkey)
    shell.run("audit", "verify", log, "--key", str(shell.live.place.keys / "log.vkey"))
    report = shell.json("audit", "verify", log, "--key", vkey, "--openings", openings)
    assert [step["status"] for step in report["steps"]] == [*["passed"] * 7, *["not checkable"] * 2, *["passed"] * 2]


def test_audit_verify_of_a_changed_log_is_a_finding(shell: Shell, household: str, tmp_path: Path) -> None:
    """Exit status 1 where a byte differs."""
    log = Path(shutil.copytree(shell.live.place.log, tmp_path / "log"))
    bundle = next(path for path in (log / "tile" / "entries").rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    assert sluice(tmp_path, "audit", "verify", "log", "--key", shell.live.vkey).status == 1


# what only a running or only a new gateway does


def test_keys_init_makes_keys_that_only_the_owner_reads(tmp_path: Path) -> None:
    """Root key and log key have mode 0600, and the public key is printed."""
    (tmp_path / "gateway.toml").write_text('gateway = "gw"\n[broker]\nfilters = ["t/#"]\n')
    done = sluice(tmp_path, "keys", "init", "--json")
    assert done.status == 0
    made = json.loads(done.out)
    assert made["log_vkey"] == (tmp_path / "keys" / "log.vkey").read_text().strip()
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in ("root.key", "log.skey")} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway of one test, on a standing clock."""
    gateway = LiveGateway(tmp_path / "g", ABSENT, extra='\n[clock]\nsimulated = true\nstart = "2026-05-01T00:00:00Z"\nrate = 0\n')
    try:
        yield gateway.start()
    finally:
        gateway.end()


def test_status_shows_one_screen_or_json(live: LiveGateway) -> None:
    """The same figures for people and for programs; a simulated clock is said."""
    text = sluice(live.folder, "status")
    assert text.status == 0
    assert "SIMULATED" in text.out
    assert "balanced" in text.out
    assert len(text.out.splitlines()) <= 24
    shown = json.loads(sluice(live.folder, "status", "--json").out)
    assert shown["log"]["vkey"] == live.vkey
    assert shown["broker"]["connected"] is False
    assert shown["imbalances"] == []


def test_keys_are_replaced_from_a_shell(shell: Shell, household: str) -> None:
    """Both, with and without a running gateway; a proof of before holds under the former key, and the log under either."""
    live = shell.live
    log, openings, keys = str(live.place.log), str(live.place.openings), live.place.keys
    proof = str(live.folder / "before.tlog-proof")
    shell.run("audit", "prove", "0", log, "--key", live.vkey, "--out", proof)
    made = shell.json("keys", "rotate", "log")
    assert made | {"key": "log", "generation": 2, "waits_for": []} == made
    assert "generation 2, log index" in shell.run("keys", "rotate", "root")
    shown = shell.json("keys", "status")
    while shown["log"]["former"] or shown["root"]["resealing"]:
        time.sleep(0.05)
        shown = shell.json("keys", "status")
    assert (shown["log"]["vkey"], shown["log"]["generation"], shown["root"]["generation"]) == (made["vkey"], 2, 2)
    assert (keys / "log.vkey").read_text().strip() == made["vkey"]
    assert f"handed over to {made['vkey']}" in shell.run("audit", "verify", log, "--key", live.vkey, "--openings", openings)
    shell.run("audit", "verify", log, "--key", made["vkey"], "--openings", openings)
    shell.run("audit", "replay", log, "--key", live.vkey, "--openings", openings)
    shell.run("audit", "check-proof", proof, "--key", live.vkey)
    told = shell.run("audit", "explain", str(made["log_index"]), log, "--key", live.vkey, "--openings", openings)
    assert f"signed with the key `{made['vkey']}`" in told
    out = shell.run("keys", "status")
    assert out.splitlines()[0].startswith("log   generation 2, 0 days old, ")
    assert out.splitlines()[1] == "root  generation 2, 0 days old"


def test_clock_advance_sets_a_standing_clock(live: LiveGateway) -> None:
    """Forward only; the status tells the new time, and the clock goes on there after a restart with a later log entry."""
    done = sluice(live.folder, "clock", "advance", "2026-05-01T13:00:00Z", "--json")
    assert json.loads(done.out) == {"now_ms": live.status()["clock"]["now_ms"]} == {"now_ms": 1_777_640_400_000}
    back = sluice(live.folder, "clock", "advance", "2026-05-01T12:00:00Z")
    assert back.status == 2
    assert "back" in back.line
    assert sluice(live.folder, "clock", "advance", "noon").line.startswith("`to`: `noon`")
    sluice(live.folder, "policy", "apply")
    live.kill()
    assert live.start().status()["clock"]["now_ms"] == 1_777_640_400_000


def test_consent_that_has_run_out_is_shown_as_expired(live: LiveGateway) -> None:
    """From its last instant on, though no entry in the log says so."""
    rows = [{"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}]
    subject = live.call("device.add", {"devices": rows})["devices"][0]["subject"]
    sluice(live.folder, "consent", "grant", subject, PURPOSE, "--expiry", "2026-05-01T13:00:00Z")
    sluice(live.folder, "consent", "grant", subject, "noise-hourly")
    for time_, status in (("12:59:59.999", "Given"), ("13:00:00", "Expired")):
        sluice(live.folder, "clock", "advance", f"2026-05-01T{time_}Z")
        shown = json.loads(sluice(live.folder, "consent", "show", subject, "--json").out)["consents"]
        assert {row["scope"]: row["status"] for row in shown} == {PURPOSE: status, "noise-hourly": "Given"}
        assert status in sluice(live.folder, "consent", "show", subject).out


def test_state_is_closed_to_others(live: LiveGateway) -> None:
    """Control socket, lock and database, with what SQLite keeps beside it, have mode 0600; the openings folder 0700."""
    for path in (live.place.control_socket, *live.place.state.glob("sluice.*")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert live.place.openings is not None
    assert stat.S_IMODE(live.place.openings.stat().st_mode) == 0o700


def test_sighup_puts_changed_policies_in_force(live: LiveGateway) -> None:
    """The new set has a later log index, and the log has grown."""
    before, size = live.call("policy.show"), live.status()["log"]["size"]
    city = live.place.policies / "city.toml"
    city.write_text(city.read_text().replace("exact_group = 50", "exact_group = 60"))
    assert live.process is not None
    live.process.send_signal(signal.SIGHUP)
    deadline_s = time.monotonic() + HANG_S
    while (after := live.call("policy.show")) == before:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert after["log_index"] > before["log_index"]
    assert live.status()["log"]["size"] > size
    assert live.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_signal_ends_it_well_with_a_verified_log(live: LiveGateway, number: signal.Signals) -> None:
    """Exit status 0, the socket gone, all that was logged published."""
    live.call("policy.apply")
    size = live.status()["log"]["size"]
    assert live.process is not None
    live.process.send_signal(number)
    assert live.process.wait(HANG_S) == 0
    assert not live.place.control_socket.exists()
    report = live.verify()
    assert report.exit_status == 0
    assert report.size is not None
    assert report.size >= size
    assert "Traceback" not in live.log()


# the socket itself, in hostile hands


def _talk(live: LiveGateway, data: bytes, *, half: bool = False) -> list[Any]:
    """Write bytes to the control socket; return the answers until the gateway hangs up or is silent on a closed half."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(HANG_S)
        connection.connect(str(live.place.control_socket))
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            assert not half
            return []
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    return [json.loads(line) for line in answer.splitlines()]


def _request(method: str, params: Any, **other: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params, **other}).encode() + b"\n"


GARBAGE = {
    "half a line": (b'{"jsonrpc": "2.0", "id": 1, "meth', -32700),
    "no json": (b"GET / HTTP/1.1\n", -32700),
    "bytes": (bytes(range(256)).replace(b"\n", b"") + b"\n", -32700),
    "nested deep": (b"[" * 100_000 + b"\n", -32700),
    "a list": (b"[]\n", -32600),
    "no method": (b'{"jsonrpc": "2.0", "id": 1}\n', -32600),
    "method no text": (_request(["status"], {}), -32600),  # type: ignore[arg-type]
    "old version": (_request("status", {}, jsonrpc="1.0"), -32600),
    "no version": (_request("status", {}, jsonrpc=None), -32600),
    "params a list": (_request("status", []), -32600),
    "params null": (_request("status", None), -32600),
    "unknown method": (_request("consent.sell", {}), -32000),
    "python's own": (_request("__class__", {}), -32000),
}


def test_garbage_on_the_control_socket_is_refused_and_does_no_harm(live: LiveGateway) -> None:
    """Each piece gets its error, and the gateway answers as before; so it does after a line beyond all bounds."""
    size = live.status()["log"]["size"]
    for name, (data, code) in GARBAGE.items():
        (answer,) = _talk(live, data)
        assert answer["error"]["code"] == code, name
        assert len(answer["error"]["message"].splitlines()) == 1
    beyond = _talk(live, b"x" * (17 << 20))  # whether the answer comes through depends on how much lay in the socket
    assert all("longer than" in answer["error"]["message"] for answer in beyond)
    assert _talk(live, b"") == []
    assert [answer["id"] for answer in _talk(live, _request("status", {}) * 3)] == [1, 1, 1]
    assert live.status()["log"]["size"] == size
    assert "Traceback" not in live.log()


def _deep(depth: int, kind: str) -> bytes:
    opening, closing = ('{"a":', "}") if kind == "objects" else ("[", "]")
    line = _request("consent.grant", {"subject": NOTHING_SUCH, "scope": PURPOSE, "limits": "DEEP"})
    return line.replace(b'"DEEP"', f"{opening * depth}1{closing * depth}".encode())


@pytest.mark.parametrize("kind", ["objects", "arrays"])
def test_nested_limits_are_refused_and_do_not_end_the_gateway(live: LiveGateway, kind: str) -> None:
    """However deep, in one line; those that are just not too deep are refused for what they are."""
    for depth in (1, 10, 16, 100, 900, 990, 5000, 100_000):
        (answer,) = _talk(live, _deep(depth, kind))
        assert "error" in answer, depth
        assert len(answer["error"]["message"].splitlines()) == 1
    assert live.stop() == 0
    assert "Traceback" not in live.log()


def _peak_kib(live: LiveGateway) -> int:
    assert live.process is not None
    return peak_kib(live.process.pid)


def test_half_lines_of_many_take_little_memory_and_hold_nobody_up(live: LiveGateway) -> None:
    """Forty connections with fifteen megabytes each and no end: those beyond the bound are refused, others are answered."""
    before = _peak_kib(live)
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            connection = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.settimeout(HANG_S)
            connection.connect(str(live.place.control_socket))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b'{"jsonrpc": "2.0", "x": "' + b"x" * (15 << 20))
        assert live.status()["imbalances"] == []
        assert _peak_kib(live) - before < 100 << 10
    assert live.stop() == 0
    assert "Traceback" not in live.log()


NASTY: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\ud800",
    "\0",
    "../../etc/passwd",
    "é" * 2000,
    NOTHING_SUCH,
    "new",
    "9999-12-31T23:59:59-23:59",
    [],
    [[]],
    {},
    {"": {}},
    [{"profile": "meter", "zone": "north-quay", "topic": "\ud800", "owner": "resident", "subject": "new"}],
    [{"profile": "meter", "zone": "north-quay", "topic": "t/x", "owner": "resident", "subject": "\ud800"}],
    [{"profile": "meter", "zone": "north-quay", "topic": ["t"], "owner": "resident", "subject": "new"}],
    [{"profile": "meter", "zone": "north-quay", "topic": "t/+", "owner": "resident", "subject": "new"}],
    [{"profile": "meter", "zone": "north-quay", "topic": "t/x", "owner": "resident", "subject": "new", "more": 1}],
    [{"profile": "meter", "zone": "north-quay", "topic": "t/x", "owner": "city", "subject": "none"}] * 2,
]
NASTY_LIMITS: list[Any] = [
    {"group": 2**70},
    {"group": 1.5},
    {"retention": -1},
    {"budget": float("nan")},
    {"budget": float("inf")},
    {"budget": 2**2000},
    {"time": "exactly"},
    {"time": ["1h"]},
    {"precision": 1},
    {"precision": {"consumption": float("nan")}},
    {"precision": {"consumption": 1e400}},
    {"precision": {"\ud800": 1}},
    {"\ud800": 1},
]


def test_nasty_parameters_are_refused_and_change_nothing(live: LiveGateway) -> None:
    """Every method, with every parameter of every wrong kind: refused in one line, the state as it was, the process alive."""
    (device,) = live.call(
        "device.add",
        {"devices": [{"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}]},
    )["devices"]
    good: dict[str, dict[str, Any]] = {
        "policy.apply": {},
        "policy.show": {},
        "device.add": {"devices": []},
        "device.list": {},
        "device.show": {"device": device["device"]},
        "device.discover": {"for_s": 60, "report": False},
        "device.own": {"device": device["device"], "owner": "city", "subject": "new"},
        "device.revoke": {"device": device["device"]},
        **{
            f"consent.{step}": {"subject": device["subject"], "scope": PURPOSE, "resident": device["resident"]}
            for step in ("request", "grant", "refuse", "pause", "resume", "withdraw", "revoke")
        },
        "consent.show": {"subject": device["subject"]},
        "consent.receipt": {"subject": device["subject"], "scope": PURPOSE, "resident": device["resident"], "log_index": 3},
        "consent.export": {"subject": device["subject"]},
        "consent.releases": {"subject": device["subject"]},
        "consent.erase": {"subject": device["subject"]},
        "backup": {"file": "/nowhere/at/all.db"},
        "policy.explain": {"who": device["device"], "flow": "energy-hourly", "language": "en", "resident": device["resident"]},
        "policy.diff": {"old": None, "new": None},
        "subject.show": {"subject": device["subject"], "language": "en"},
        "subject.code": {"subject": device["subject"], "resident": device["resident"]},
        "subject.claim": {"code": device["claim_code"], "subject": device["subject"]},
        "subject.leave": {"subject": device["subject"], "resident": device["resident"]},
        "clock.advance": {"to": "2026-05-01T00:00:00Z"},
        "keys.rotate": {"key": "log"},
        "keys.status": {},
        "public.state": {},
        "public.sensors": {},
        "public.flows": {},
        "public.balance": {"day": "1999-01-01"},
        "public.place": {"zone": "nowhere", "day": "1999-01-01"},
        "public.entry": {"index": 2**40},
    }
    for step in ("grant", "refuse", "pause", "resume", "withdraw"):
        good[f"consent.{step}"] |= {"channel": "counter"}
    assert good.keys() == {name for name, method in METHODS.items() if Door.SHELL in method.doors} - {"status"}
    good["consent.grant"] |= {"limits": {}, "expiry": ""}
    good["consent.revoke"] |= {"authority": "court of Ribera, order 7"}
    lines = []
    for method, params in good.items():
        lines += [_request(method, {**params, key: nasty}) for key in params for nasty in NASTY if nasty != params[key]]
        lines += [_request(method, {**params, "more": 1})]
        lines += [
            _request(method, {k: v for k, v in params.items() if k != key})
            for key in params
            if key in ("subject", "scope") and method not in ("subject.claim", "device.own")
        ]
    lines += [_request("consent.grant", {**good["consent.grant"], "limits": limits}) for limits in NASTY_LIMITS]
    before = live.status()
    allowed = {
        b'"report": true',
        b'"resident": ""',
        b'"language": ""',
        b'"expiry": ""',
        b'"limits": {}',
        b'"day": ""',
    }  # as good as left out
    lines = [line for line in lines if not any(text in line for text in allowed) or b'"more"' in line]
    answers = [answer for at in range(0, len(lines), 500) for answer in _talk(live, b"".join(lines[at : at + 500]))]
    assert len(answers) == len(lines)
    for line, answer in zip(lines, answers, strict=True):
        assert "error" in answer, line
        assert answer["error"]["data"]["exit_status"] == 2
        assert len(answer["error"]["message"].splitlines()) == 1, answer
    after = live.status()
    assert {key: after[key] for key in ("log", "devices", "subjects", "policy")} == {
        key: before[key] for key in ("log", "devices", "subjects", "policy")
    }
    assert live.stop() == 0
    assert live.verify().exit_status == 0
    assert "Traceback" not in live.log()
