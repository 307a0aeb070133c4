"""Messages printed by the documentation of network servers, meters and conventions, as they would come over MQTT.

They lie outside the project. Some are broken as printed, and stay so.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.data import DataSet, outside_data

NAMED: Final = ("chirpstack4-json", "tts3-json", "senml-json", "senml-cbor")
"""Formats that a device profile can name."""

_TOPICS: Final = {"gbfs-vehicle_status": "mobility/gbfs/vehicle_status"}
"""Of messages that come by another way than MQTT until a bridge publishes them."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A message.

    Attributes:
        format: As the data set calls it, and for SenML with its serialisation.
        name: Which one, for a reader of a failed test.
    """

    format: str
    name: str
    topic: str
    data: bytes


def payloads() -> list[Payload]:
    """Return every message of the data set, or skip where it is absent."""
    (folder,) = outside_data(DataSet.PAYLOADS)
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            table = json.loads(line)
            name = f"{path.stem}:{number}"
            topic = _TOPICS.get(table["format"], table.get("topic", f"bridge/{path.stem}/{number}"))
            found.append(Payload(table["format"], name, topic, _data(table)))
    return [*found, *_senml(folder / "senml")]


def _senml(folder: Path) -> list[Payload]:
    texts = [path for path in sorted(folder.glob("ex*.json")) if ".gen." not in path.name]
    packs = [("senml-json", path) for path in texts] + [("senml-cbor", path) for path in sorted(folder.glob("*.gen.cbor"))]
    return [Payload(format_, path.name, f"senml/{path.stem.partition('.')[0]}", path.read_bytes()) for format_, path in packs]


def _data(table: dict[str, Any]) -> bytes:
    if "hex" in table:
        return bytes.fromhex(table["hex"])
    if "payload_b64" in table:
        return base64.b64decode(table["payload_b64"])
    text: str = table["payload"]
    return text.encode()
