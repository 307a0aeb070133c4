"""Other people's text in every place that a command shows it from: nothing of it is obeyed by a terminal or passes for ours.

Each text moves the cursor, sets the window's title, turns the order of words round, and begins a line of its own that says that
all is well. What comes out of any command, on either stream, for people or for programs, is text, line feeds and tabs.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit.log import canonical
from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import Signer, sign_note, split_note
from gateway.audit.log.payloads import ReleasePayload, ReleaseRecord
from gateway.audit.standalone import verify as standalone
from gateway.core.release.formats.open_data import OpenData
from gateway.recipient.records import encode_open_record
from gateway.recipient.wire import Address
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.log import SIGNER, START_MS, sample
from tests.support.recipients import record
from tests.support.shell import Done, sluice

ABSENT = 1  # a port that nothing listens on
MOVES = "\x9b2J\u202e\u2066\u200f\u061c\x7f\u2028\u206f\ufeff"
FORGED = f"\x1b]0;title\x07{MOVES}\rFORGED: x\nFORGED: all is well"
NAME = f"gw.example{MOVES.replace(chr(0x2028), '')}FORGED/log"
"""One without what a key's name cannot hold."""
OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff]")
KEY = "00" * 16
NOTED = Signer(NAME, bytes(range(32))).verifier.vkey()
"""Of a log whose own name is such a text."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "a command": (FORGED,),
    "an option": ("status", f"--{FORGED}"),
    "a configuration": ("status", "--config", FORGED),
    "a key in a configuration": ("status", "--config", "bad.toml"),
    "policies' folder": ("check", "--policies", FORGED),
    "policies' text": ("check", "--policies", "policies"),
    "policies' text as json": ("check", "--policies", "policies", "--json"),
    "a policy's key": ("check", "--policies", "unknown-key"),
    "a case": ("check", "--policies", "case"),
    "a case as json": ("check", "--policies", "case", "--json"),
    "policies that differ": ("policy", "diff", "shipped", "policies"),
    "policies that differ as json": ("policy", "diff", "shipped", "policies", "--json"),
    "folders that differ": ("policy", "diff", FORGED, "policies"),
    "policies to migrate": ("policy", "migrate", "policies"),
    "a folder to migrate": ("policy", "migrate", FORGED),
    "policies to apply": ("policy", "apply", "--config", "gateway/gateway.toml"),
    "policies to put in force": ("policy", "apply", "--config", "another/gateway.toml"),
    "a flow": ("policy", "explain", KEY, FORGED, "--config", "gateway/gateway.toml"),
    "a device": ("policy", "explain", FORGED, FORGED, "--config", "gateway/gateway.toml"),
    "a topic": (
        *("device", "add", "--profile", "meter", "--zone", "north-quay", "--topic", FORGED, "--owner", "city"),
        *("--config", "gateway/gateway.toml"),
    ),
    "a profile": (
        *("device", "add", "--profile", FORGED, "--zone", FORGED, "--topic", "t/9", "--owner", "city"),
        *("--config", "gateway/gateway.toml"),
    ),
    "devices": ("device", "list", "--config", "gateway/gateway.toml"),
    "a file of devices": ("device", "add", "--from", "devices.jsonl", "--config", "gateway/gateway.toml"),
    "a device's id": ("device", "own", FORGED, "--owner", "city", "--config", "gateway/gateway.toml"),
    "a subject": ("subject", "show", FORGED, "--config", "gateway/gateway.toml"),
    "a scope": ("consent", "grant", KEY, FORGED, "--limit", f"{FORGED}=1", "--config", "gateway/gateway.toml"),
    "an authority": ("consent", "revoke", KEY, "x", "--authority", FORGED, "--config", "gateway/gateway.toml"),
    "a receipt": ("consent", "check-receipt", "receipt.json", "--key", SIGNER.vkey()),
    "a receipt as json": ("consent", "check-receipt", "receipt.json", "--key", SIGNER.vkey(), "--json"),
    "a backup": ("backup", f"/nowhere/{FORGED}", "--config", "gateway/gateway.toml"),
    "a backup to restore": ("restore", FORGED, "--config", "gateway/gateway.toml"),
    "a time": ("clock", "advance", FORGED, "--config", "gateway/gateway.toml"),
    "a log": ("audit", "verify", "log", "--key", SIGNER.vkey(), "--openings", "openings"),
    "a log as json": ("audit", "verify", "log", "--key", SIGNER.vkey(), "--openings", "openings", "--json"),
    "a log's note": ("audit", "verify", "noted", "--key", NOTED),
    "a log's note as json": ("audit", "verify", "noted", "--key", NOTED, "--json"),
    "a log of its own key": ("audit", "verify", "noted", "--no-key"),
    "a log's witnesses": ("audit", "verify", "log", "--witnesses", "witnesses.policy"),
    "a log's folder": ("audit", "verify", FORGED, "--no-key"),
    "a log's address": ("audit", "verify", f"http://127.0.0.1:1/{FORGED}", "--no-key"),
    "a log's key": ("audit", "verify", "log", "--key", FORGED),
    "an opening": ("audit", "explain", "INDEX", "log", "--openings", "openings"),
    "an opening as json": ("audit", "explain", "INDEX", "log", "--openings", "openings", "--json"),
    "a release": ("audit", "explain", "RELEASE", "log", "--openings", "openings"),
    "a note explained": ("audit", "explain", "1", "noted"),
    "a note proved": ("audit", "prove", "1", "noted", "--key", NOTED, "--out", "a.tlog-proof"),
    "a note exported": ("audit", "export", "noted", "copy"),
    "a proof": ("audit", "check-proof", "bad.tlog-proof", "--key", SIGNER.vkey()),
    "a replay": ("audit", "replay", "noted", "--openings", "openings", "--key", NOTED),
    "a subject's key": ("audit", "find", "log", "--subject-key", FORGED),
    "an open bundle": ("recipient", "open", "5.bundle"),
    "an open bundle as json": ("recipient", "open", "5.bundle", "--json"),
    "a bundle's name": ("recipient", "open", FORGED),
    "a broker": ("recipient", "open", "--follow", "--broker", FORGED, "--gateway", FORGED, "--recipient", FORGED),
    "a recipient's folder": ("recipient", "keygen", FORGED),
    "a recipient's key": ("recipient", "fingerprint", "city.pub"),
    "a witness's name": ("witness", "keygen", f"{NAME}\n", "--key", "w1", "--state", "w1.state"),
    "a witness's key": ("witness", "keygen", NAME, "--key", "w2", "--state", "w2.state"),
    "a witness's key as json": ("witness", "keygen", NAME, "--key", "w3", "--state", "w3.state", "--json"),
    "a witness's settings": ("witness", "run", "--config", "witness.toml"),
    "a witness's log": ("witness", "run", "--listen", "[::1]:0", "--key", "w2", "--state", "w2.state", "--log", f"a+{FORGED}"),
    "a witness's proxy": (
        *("witness", "run", "--listen", "[::1]:0", "--key", "k", "--state", "s", "--log", SIGNER.vkey()),
        *("--proxy", FORGED),
    ),
    "a scenario": ("sim", "run", "--broker", "127.0.0.1:1", "--scenario", "scenario.json"),
    "a scenario's name": ("sim", "run", "--broker", "127.0.0.1:1", "--scenario", FORGED),
    "a broker of the simulator": ("sim", "load", "--broker", FORGED, "--messages", "1", "--devices", "1"),
    "a start of the demo": ("demo", "--start", FORGED),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the commands are to read."""
    made = tmp_path_factory.mktemp("hostile")
    shipped = made / "shipped"
    shutil.copytree(ROOT / "policies", shipped, ignore=shutil.ignore_patterns("keys"))
    city = (shipped / "city.toml").read_text()
    title = re.compile(r'title = \{ en = "')
    assert title.search(city)
    for name, text in {
        "policies": title.sub(lambda found: found[0] + json.dumps(FORGED)[1:-1].replace("\\u007f", "\\u007F"), city),
        "unknown-key": f"{json.dumps(FORGED)} = 1\n{city}",
        "case": city,
    }.items():
        shutil.copytree(shipped, made / name)
        (made / name / "city.toml").write_text(text)
    cases = next((made / "case").rglob("*.cases.toml"))
    cases.write_text(re.sub(r'says = "', lambda found: found[0] + json.dumps(FORGED)[1:-1], cases.read_text()))
    cases.write_text(re.sub(r"group = \d+", "group = 99", cases.read_text()))
    LiveGateway(made / "gateway", ABSENT).offline([("device.list", {})])
    another = LiveGateway(made / "another", ABSENT)
    another.offline([("device.list", {})])
    shutil.copy(made / "policies" / "city.toml", another.folder / "policies" / "city.toml")
    _write_logs(made)
    (made / "bad.toml").write_text(f"{json.dumps(FORGED)} = {json.dumps(FORGED)}\n")
    (made / "devices.jsonl").write_text(json.dumps({"profile": FORGED, "zone": FORGED, "topic": FORGED, "owner": "city"}))
    (made / "receipt.json").write_text(json.dumps({FORGED: {"@type": FORGED}}))
    (made / "bad.tlog-proof").write_text(f"c2sp.org/tlog-proof@v1\nextra {MOVES}\nindex {MOVES}\n")
    forged = structs.replace(
        record(), flow=FORGED, observed_property=FORGED, unit=FORGED, cell=FORGED, purpose=FORGED, statistic=FORGED
    )
    (made / "5.bundle").write_bytes(OpenData(Address("gw", "public", "gw/log")).seal([encode_open_record(forged)], 5))
    (made / "city.pub").write_text(f"# Fingerprint: {MOVES}FORGED\n{'A' * 43}=\n")
    (made / "witness.toml").write_text(f"{json.dumps(FORGED)} = 1\n")
    (made / "scenario.json").write_text(json.dumps({"devices": [{"kind": FORGED, "topic": "a", FORGED: 1}], "clock": FORGED}))
    return made


def _write_logs(folder: Path) -> None:
    log = sample(folder)
    release = ReleaseRecord(FORGED, (FORGED, FORGED, FORGED), FORGED, (START_MS, START_MS), 1, "entry")
    log.one(Kind.REIDENTIFICATION, canonical.encode({"kind": "reidentification", FORGED: [FORGED, {FORGED: FORGED}]}))
    log.one(Kind.RELEASE, ReleasePayload(FORGED, (release,)).encode(), bundle_sha256=bytes(32), labels_root=bytes(32))
    log.publish()
    (log.log.path / FORGED.replace("/", "")).touch()
    noted, signer = folder / "noted", Signer(NAME, bytes(range(32)))
    shutil.copytree(log.log.path, noted)
    text = split_note((noted / "checkpoint").read_bytes())[0].split("\n", 1)[1]
    stranger = Signer(f"{NAME}2", bytes([2]) * 32)
    (noted / "checkpoint").write_bytes(sign_note(f"{NAME}\n{text}{MOVES}FORGED: extension\n", signer, stranger))
    (noted / "log.vkey").write_text(NOTED)
    moves, witness = "\u202e\u2066\u200f", Cosigner("witness\u202e\u2066.example", bytes([3]) * 32).vkey()
    (folder / "witnesses.policy").write_text(f"log {SIGNER.vkey()}\nwitness {moves}w {witness}\nquorum {moves}w\n")


def _judge(done: Done, what: str) -> None:
    """Check that what came out is obeyed by nobody and passes for nothing of ours."""
    for stream in (done.out, done.err):
        found = OBEYED.search(stream)
        assert found is None, f"{what}: U+{ord(found[0]):04X} in {stream!r}"
        assert not any(line.lstrip().startswith("FORGED") for line in stream.splitlines()), f"{what}: {stream!r}"
    assert "Traceback" not in done.err, f"{what}: {done.err}"


@pytest.mark.parametrize("what", COMMANDS)
def test_other_peoples_text_is_obeyed_by_no_terminal_and_begins_no_line(what: str, folder: Path) -> None:
    """In whatever a command reads or is given; JSON stays JSON."""
    last = len(list((folder / "openings").rglob("*"))) and _last(folder)
    numbers = {"INDEX": str(last - 2), "RELEASE": str(last - 1)}
    arguments = [numbers.get(word, word) for word in COMMANDS[what]]
    done = sluice(folder, *arguments)
    _judge(done, what)
    assert done.out + done.err or what in ("policies that differ", "policies to migrate"), done
    if "--json" in arguments and done.out:
        json.loads(done.out)


def test_text_is_shown_escaped_and_not_dropped(folder: Path) -> None:
    """So that whoever reads it sees that somebody has tried."""
    told = sluice(folder, "audit", "explain", str(_last(folder) - 2), "log", "--openings", "openings")
    assert (
        r"\u001b]0;title\u0007\u009b2J\u202e\u2066\u200f\u061c\u007f\u2028\u206f\ufeff\rFORGED: x\nFORGED: all is well"
        in told.out
    )
    said = json.loads(sluice(folder, "audit", "verify", "noted", "--key", NOTED, "--json").out)
    assert said["origin"] == NAME


def test_verifier_of_an_export_obeys_nobody(folder: Path) -> None:
    """Run as its readers run it: alone, with nothing but Python."""
    for log, *more in (
        ("noted", "--no-key"),
        ("noted", "--key", f"a+{FORGED}"),
        ("log", "--no-key"),
        (FORGED, "--no-key"),
        ("log", f"--{FORGED}"),
    ):
        for environment in ({}, {"PYTHONIOENCODING": "ascii"}):
            run = (
                [sys.executable, "-I", standalone.__file__, log, *more]
                if not environment
                else [sys.executable, standalone.__file__, log, *more]
            )
            done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, check=False, timeout=300)
            _judge(Done(done.returncode, done.stdout.decode(), done.stderr.decode()), log)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
def test_terminal_without_utf_8_gets_escapes_and_no_traceback(encoding: str, folder: Path) -> None:
    """A language of accents on a terminal that has none; from cold, as the interpreter chooses the streams' encoding."""
    run = [sys.executable, "-m", "gateway.cli", "audit", "explain", "1", "noted", "--language", "pt"]
    environment = {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("política".encode(encoding) if encoding != "ascii" else rb"pol\u00edtica") in done.stdout
    _judge(Done(0, done.stdout.decode(encoding), ""), encoding)


def _last(folder: Path) -> int:
    return int((folder / "log" / "checkpoint").read_text().split("\n")[1])
