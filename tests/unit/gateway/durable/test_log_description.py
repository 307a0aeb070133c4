"""What a log says of itself under `/.well-known/sluice.json`: as the policies in force have it, written when it changes."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.folder import LogFolder
from gateway.audit.log.notes import Signer
from gateway.audit.log.reader import DESCRIPTION_NAME
from gateway.audit.log.witness_policy import parse_policy
from gateway.durable.publication import describe_log
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.policy_folder import load_policies

LOG = Signer("sluice.ribera-1/log", bytes(32)).verifier
WITNESS = Cosigner("witness.library.example", bytes(32))


def described(live: LiveGateway) -> object:
    """Return what a gateway's log says of itself."""
    return json.loads((live.place.log / DESCRIPTION_NAME).read_text())


def test_description_names_key_controller_and_whom_to_ask() -> None:
    """Everything that a stranger needs in order to go on, and nothing that is not public already."""
    text = f"witness library {WITNESS.vkey()} https://witness.library.example\nquorum library\n".encode()
    found = json.loads(describe_log(LOG, load_policies(ROOT / "policies"), parse_policy(text, "policy").witnesses))
    assert found == {
        "format": "sluice-log/1",
        "origin": "sluice.ribera-1/log",
        "vkey": LOG.vkey(),
        "controller": {
            "name": "Ayuntamiento de Ribera",
            "address": "Plaza del Puente 1, 00001 Ribera",
            "contact": "https://ribera.example/sensors",
        },
        "openings": {"contact": "privacy@ribera.example"},
        "witnesses": [{"name": "library", "vkey": WITNESS.vkey(), "url": "https://witness.library.example"}],
    }


def test_description_written_again_only_where_it_has_changed(tmp_path: Path) -> None:
    """A cache that asks whether the file is new hears that it is not."""
    folder = LogFolder(tmp_path / "log")
    folder.write_description(b"one")
    file = tmp_path / "log" / DESCRIPTION_NAME
    first = file.stat().st_ino
    folder.write_description(b"one")
    assert file.stat().st_ino == first
    folder.write_description(b"two")
    assert file.read_bytes() == b"two"
    assert [path.name for path in file.parent.iterdir()] == ["sluice.json"]


def test_description_follows_the_policies_in_force(tmp_path: Path) -> None:
    """A gateway writes it with its first checkpoint, and anew with that of other policies; what is only edited does not count."""
    live = LiveGateway(tmp_path, 1883)
    live.offline([])
    before = described(live)
    city = live.place.policies / "city.toml"
    city.write_text(city.read_text().replace("https://ribera.example/sensors", "https://ribera.example/gate"))
    assert described(live) == before
    live.offline([("policy.apply", {})])
    after = described(live)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after == {**before, "controller": {**before["controller"], "contact": "https://ribera.example/gate"}}
    assert after["vkey"] == live.vkey
    assert live.verify().exit_status == 0
