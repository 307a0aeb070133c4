"""A simulated device and the frames that it sends: its values in its maker's format, with everything that makers add.

Real devices send more than anyone asked for: serial numbers, firmware versions, signal strengths. So do these, so that there is
something for the gateway to withhold. ``scenario`` describes devices, ``run`` publishes their frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_sim.devices import Model, Values, gaussian
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.wire import Value, cbor_bytes, json_bytes, mac0_bytes, senml_bytes

_SENML_UNITS = {"pm25": "ug/m3", "pm10": "ug/m3", "no2": "ug/m3", "temperature": "Cel", "humidity": "%RH", "rssi": "dBm"}
_AIR = ("pm25", "pm10", "no2")


@dataclass(frozen=True, slots=True)
class Reading:
    """One frame of one device, as published.

    Args:
        topic: Where it is published.
        payload: The bytes.
        kind: The device's kind.
        time_ms: When it is due: when the device measured, unless a fault delays it.
        sequence: The number of the message in the device's run.
        public: Whether it comes from a device whose records are open data.
        fields: What stands in it, for people to read.
        carries: Whether a reading stands in it; states and joins carry none.
        copy: 0 the first time; 1 and on where the same reading comes again.
        truths: What happened to each measurement since the frame before, those included that nobody hears of.
    """

    topic: str
    payload: bytes
    kind: str
    time_ms: int
    sequence: int
    public: bool
    fields: Mapping[str, Value] = field(repr=False, compare=False)
    carries: bool = True
    copy: int = 0
    truths: tuple[Truth, ...] = field(default=(), repr=False, compare=False)

    @property
    def text(self) -> str:
        """The frame in readable form: text as it is, binary as its length and fields."""
        form = "COSE_Mac0" if self.kind == "secure-meter" else "CBOR" if self._is_cbor else ""
        try:
            text = "" if form else self.payload.decode()
        except UnicodeDecodeError:
            text, form = "", "binary"
        return text if not form else f"{form}, {len(self.payload)} bytes: {json_bytes(self.fields).decode()}"

    @property
    def _is_cbor(self) -> bool:
        return self.kind in _FORMS and _FORMS[self.kind].codec == "cbor"


@dataclass(frozen=True, slots=True)
class Device:
    """A sensor with a topic, a clock, a counter and perhaps a key.

    Args:
        topic: The topic on which it publishes.
        kind: ``meter``, ``secure-meter``, ``footfall``, ``noise``, ``air-quality`` or ``air-station``, which write formats of
            this project's own; of the kinds in ``formats.kinds`` a device has times and values, ``stations`` the messages.
        model: The model of what it measures.
        offset_s: Seconds after each full interval at which it measures.
        identity: The serial number that it puts into every message.
        public: Whether its readings belong to a flow of open records.
        key: The key of its COSE_Mac0; only a ``secure-meter`` has one.
        restart_s: Seconds between restarts, each of which raises its boot id and resets its counter; 0 is never.
        extra: Further fields in every message.
    """

    topic: str
    kind: str
    model: Model
    offset_s: int
    identity: str
    public: bool = False
    key: bytes | None = None
    restart_s: int = 0
    extra: Mapping[str, Value] = field(default_factory=dict)

    @property
    def codec(self) -> str:
        """The format of its messages, inside their envelope if they have one: ``json``, ``cbor`` or ``senml``."""
        return _FORMS[self.kind].codec

    def next_ms(self, t_ms: int) -> int:
        """Return the device's first reading time at or after a given time."""
        interval_ms = self.model.interval_s * 1000
        return -(-(t_ms - self.offset_s * 1000) // interval_ms) * interval_ms + self.offset_s * 1000

    def boot_and_sequence(self, t_ms: int) -> tuple[int, int]:
        """Return the boot id and the counter of a reading at a time."""
        boots, since_boot_s = divmod(t_ms // 1000, self.restart_s) if self.restart_s else (0, t_ms // 1000)
        return 1 + boots, since_boot_s // self.model.interval_s

    def values(self, t_ms: int) -> Values:
        """Return what the device measures at a time."""
        return self.model.reading(t_ms)

    def reading(self, t_ms: int) -> Reading:
        """Return the frame that the device sends for a reading time."""
        boot, sequence = self.boot_and_sequence(t_ms)
        fields = self.fields(t_ms, self.values(t_ms), boot, sequence)
        return Reading(self.topic, self.encode(fields, sequence), self.kind, t_ms, sequence, self.public, fields)

    def fields(self, t_ms: int, values: Mapping[str, Value], boot: int, sequence: int) -> dict[str, Value]:
        """Return all fields of a message, before encoding."""
        rssi = round(-70 + 6 * gaussian(self.identity, "rssi", t_ms))
        head: dict[str, Value] = {"id": self.identity, "fw": "2.4.1", "rssi": rssi}
        return {**head, "t": t_ms // 1000, "boot": boot, "seq": sequence, **values, **self.extra}

    def encode(self, fields: Mapping[str, Value], sequence: int) -> bytes:
        """Return fields encoded in this kind of device's format, authenticated if it has a key."""
        payload = _FORMS[self.kind].encode(fields)
        return payload if self.key is None else mac0_bytes(self.key, sequence, payload)


def default_identity(topic: str) -> str:
    """Return a serial number in the form of a MAC address, the same for the same topic."""
    return "a4c138" + hashlib.sha256(topic.encode()).hexdigest()[:6]


def _senml(fields: Mapping[str, Value]) -> bytes:
    """Return a SenML pack: base name and base time, and one record for each value; it holds no boot id or counter."""
    identity, base_time_s = fields["id"], fields["t"]
    assert isinstance(identity, str)
    assert isinstance(base_time_s, int)
    left_out = ("id", "t", "boot", "seq")
    records = [(name, _SENML_UNITS.get(name, ""), value) for name, value in fields.items() if name not in left_out]
    return senml_bytes(f"urn:dev:mac:{identity}:", base_time_s, records)


def _keyed_json(fields: Mapping[str, Value]) -> bytes:
    """Return JSON without the counter, which is the Partial IV of a keyed meter's COSE_Mac0."""
    return json_bytes({name: value for name, value in fields.items() if name != "seq"})


def _station(fields: Mapping[str, Value]) -> bytes:
    """Return CBOR with the air values in a nested table, as large stations send them."""
    air = {name: fields[name] for name in _AIR if name in fields}
    return cbor_bytes({**{name: value for name, value in fields.items() if name not in _AIR}, "air": air})


class _Form(NamedTuple):
    codec: str
    encode: Callable[[Mapping[str, Value]], bytes]


_FORMS: Mapping[str, _Form] = {
    "meter": _Form("json", json_bytes),
    "secure-meter": _Form("json", _keyed_json),
    "footfall": _Form("json", json_bytes),
    "noise": _Form("cbor", cbor_bytes),
    "air-quality": _Form("senml", _senml),
    "air-station": _Form("cbor", _station),
}
