"""A gateway process with witness processes of its own, for tests: made on disk, not started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.audit.log.submission import origin_hash
from gateway.config import load_config
from tests.support.live import LiveGateway
from tests.support.ports import free_port
from tests.witness.witness_process import WitnessProcess

ABSENT = 1
"""A port where no broker listens."""


def with_witnesses(folder: Path, count: int = 1) -> tuple[LiveGateway, list[WitnessProcess]]:
    """Make a gateway and so many witnesses, all of whom its policy asks for."""
    live = LiveGateway(folder / "g", ABSENT)
    witnesses = []
    for number in range(count):
        name = f"witness-{number}.example" if number else "witness.example"
        witness = WitnessProcess(folder / name, name, [live.keys.log_signer.verifier])
        witness.port = free_port()
        witnesses.append(witness)
    text = live.config.read_text().replace("[audit]\n", '[audit]\nwitness_policy = "witnesses.policy"\n')
    live.config.write_text(text)
    live.place = load_config(live.config)
    (live.folder / "witnesses.policy").write_text(policy(live, witnesses))
    return live, witnesses


def policy(live: LiveGateway, witnesses: Sequence[WitnessProcess]) -> str:
    """Return the policy that names the log and its witnesses: `w`, `w1`, `w2` …, one of whom is a quorum."""
    names = ["w", *(f"w{number}" for number in range(1, len(witnesses)))]
    lines = [f"witness {name} {each.cosigner.verifier.vkey()} {each.url}\n" for name, each in zip(names, witnesses, strict=True)]
    quorum = "w" if len(names) == 1 else "any-of"
    group = "" if len(names) == 1 else f"group any-of any {' '.join(names)}\n"
    return f"log {live.vkey}\n{''.join(lines)}{group}quorum {quorum}\n"


def size(live: LiveGateway) -> int:
    """Return the size of the published log; 0 where nothing is published."""
    return _size(live.place.log / "checkpoint")


def seen(live: LiveGateway, witness: WitnessProcess) -> int:
    """Return how many entries of the log a witness has cosigned."""
    return _size(witness.state / origin_hash(live.keys.log_signer.name) / "checkpoint")


def _size(checkpoint: Path) -> int:
    return int(checkpoint.read_bytes().split(b"\n")[1]) if checkpoint.exists() else 0


def grow(live: LiveGateway) -> int:
    """Log something, and wait until it is published; return its log index."""
    index: int = live.call("policy.apply")["log_index"]
    live.wait_until(lambda _: size(live) > index)
    return index


def start_confirmed(live: LiveGateway) -> None:
    """Start the gateway, and wait until a witness has confirmed its log."""
    live.start()
    live.wait_until(lambda shown: shown["witnesses"]["confirmed"])
