"""`formats`: what a reading costs by the format that it comes in, from a device by itself and from one behind a hub.

For each format, sound meters of the city send one reading a message, and SenML packs of twenty; the decision core takes them in,
as far as a commit, without broker and disk, whose part is the same for all. Counted is the CPU time of this process for
decoding alone and for everything up to the windows. Formats take turns in each round, so that what else goes on in the machine
meets all alike.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cbor2

from consent.core.decide import Owner
from consent.core.profiles.profile import Profile
from gateway.core import pipeline
from gateway.core.changes import changes
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import Ignore, Reject
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from tests.bench.timing import say
from tests.support import formats
from tests.support.gate import MIDNIGHT_MS, Gate, frame, town

Reading = tuple[str, int, int, float]
"""(device, time in milliseconds, number, value)"""

PACK: Final = 20
"""Readings of a pack."""

_BATCH: Final = 256
_SPACING_MS: Final = 1000
_NOW_MS: Final = MIDNIGHT_MS + 50 * 60_000
_FIELD: Final = '[fields.LAeq]\npath = "db"\nunit = "dB"\n'
_TIMED: Final = '[time]\npath = "t"\nformat = "unix-ms"\n[sequence]\npath = "n"\nboot = "b"\n'
_BY_ID: Final = '[hub]\nid = "id"\n'
_IN_LIST: Final = (
    '[fields.LAeq]\npath = "values[what=noise].val"\nunit = "dB"\ndecimal_mark = "."\nplausible = [0, 140]\n'
    '[time]\npath = "at"\nformat = "iso8601"\n'
)


@dataclass(frozen=True, slots=True)
class Format:
    """One format as the bench writes it.

    Attributes:
        profile: Device profile without its title and hub.
        topic: Of a device's messages; `{device}` is the device.
        hub: The section of the profile behind a hub.
        hub_topic: Under which devices behind a hub are registered, and publish as far as it is no filter.
        encode: A message of one reading or more.
        readings: In a message.
    """

    profile: str
    topic: str
    hub: str
    hub_topic: str
    encode: Callable[[Sequence[Reading]], bytes]
    readings: int = 1


def _json(readings: Sequence[Reading]) -> bytes:
    ((device, time_ms, number, value),) = readings
    return formats.as_json({"id": device, "t": time_ms, "n": number, "b": 1, "db": value})


def _json_list(readings: Sequence[Reading]) -> bytes:
    ((device, time_ms, _, value),) = readings
    values = [{"what": "light", "val": "3"}, {"what": "noise", "val": str(value)}]
    return formats.as_json({"id": device, "at": formats.iso8601(time_ms), "values": values})


def _records(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    return [
        {"bn": f"urn:dev:mac:{device}:", "bt": time_ms / 1000, "n": "db", "u": "dB", "v": value}
        for device, time_ms, _, value in readings
    ]


def _ultralight(readings: Sequence[Reading]) -> bytes:
    return formats.ultralight([{"TimeInstant": formats.iso8601(t), "db": value, "n": n} for _, t, n, value in readings])


def _lines(readings: Sequence[Reading]) -> bytes:
    written = [formats.line("sound", {"id": d}, {"db": value, "n": n}, t * 1_000_000) for d, t, n, value in readings]
    return formats.together(written)


def _one(make: Callable[[str, dict[str, Any], int, int], dict[str, Any]]) -> Callable[[Sequence[Reading]], bytes]:
    def encode(readings: Sequence[Reading]) -> bytes:
        ((device, time_ms, number, value),) = readings
        return formats.as_json(make(device, {"db": value, "battery": 3.1}, time_ms, number))

    return encode


def _chirpstack_3(device: str, values: dict[str, Any], time_ms: int, number: int) -> dict[str, Any]:
    return formats.chirpstack_3(device, values, number) | {"publishedAt": formats.iso8601(time_ms), "devAddr": "01020304"}


def _network(codec: str, topic: str, encode: Callable[[Sequence[Reading]], bytes]) -> Format:
    return Format(f'codec = "{codec}"\n{_FIELD}', topic, "[hub]\n", topic.replace("{device}", "+"), encode)


def _pack(codec: str, encode: Callable[[Sequence[Reading]], bytes], readings: int) -> Format:
    return Format(f'codec = "{codec}"\n{_FIELD}', "pack/{device}", "[hub]\n", "pack/hub", encode, readings)


FORMATS: Final[dict[str, Format]] = {
    "json": Format(f'codec = "json"\n{_FIELD}{_TIMED}', "json/{device}", _BY_ID, "json/hub", _json),
    "json, from a list": Format(f'codec = "json"\n{_IN_LIST}', "list/{device}", _BY_ID, "list/hub", _json_list),
    "json, gzipped": Format(
        f'codec = "json"\ncompression = "gzip"\n{_FIELD}{_TIMED}',
        "gzip/{device}",
        _BY_ID,
        "gzip/hub",
        lambda readings: gzip.compress(_json(readings)),
    ),
    "cbor": Format(
        f'codec = "cbor"\n{_FIELD}{_TIMED}',
        "cbor/{device}",
        _BY_ID,
        "cbor/hub",
        lambda readings: cbor2.dumps(json.loads(_json(readings))),
    ),
    "value": Format(
        f'codec = "value"\n{_FIELD.replace(chr(34) + "db" + chr(34), chr(34) * 2)}',
        "value/{device}/db",
        '[hub]\nid = "$topic[1]"\n',
        "value/+/db",
        lambda readings: str(readings[0][3]).encode(),
    ),
    "senml": _pack("senml", lambda readings: formats.as_json(_records(readings)), 1),
    f"senml, packs of {PACK}": _pack("senml", lambda readings: formats.as_json(_records(readings)), PACK),
    "senml-cbor": _pack("senml-cbor", lambda readings: formats.senml_cbor(_records(readings)), 1),
    f"senml-cbor, packs of {PACK}": _pack("senml-cbor", lambda readings: formats.senml_cbor(_records(readings)), PACK),
    "ultralight": _network("ultralight", "ul/key/{device}/attrs", _ultralight),
    "line-protocol": Format(
        f'codec = "line-protocol"\n{_FIELD}', "lines/{device}", '[hub]\nid = "tags.id"\n', "lines/hub", _lines
    ),
    "fiware-json": _network(
        "fiware-json",
        "json/key/{device}/attrs",
        lambda readings: formats.as_json({"TimeInstant": formats.iso8601(readings[0][1]), "db": readings[0][3]}),
    ),
    "chirpstack-3": _network("chirpstack-3", "application/1/device/{device}/event/up", _one(_chirpstack_3)),
    "chirpstack-4": _network("chirpstack-4", "application/1/device/{device}/event/up", _one(formats.chirpstack_4)),
    "things-stack-3": _network("things-stack-3", "v3/air@city/devices/{device}/up", _one(formats.things_stack_3)),
    "helium": _network("helium", "helium/{device}/rx", _one(formats.helium)),
}
"""By name; the first is the one that the others are held against."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        readings: In a round, of each format and way.
        devices: Of which they are.
        rounds: Of which the median counts.
    """

    readings: int = 20_000
    devices: int = 200
    rounds: int = 3


class Taker:
    """One format in one way: the devices registered, the messages of each round, and what they have cost so far."""

    def __init__(self, name: str, options: Options, *, behind_hub: bool) -> None:
        """Register the devices."""
        self.form = FORMATS[name]
        self.behind_hub = behind_hub
        self.decode_s: list[float] = []
        self.whole_s: list[float] = []
        self.size_bytes = 0
        self._options = options
        title = 'title = { en = "Sound meter" }\n'
        sections = f"{self.form.hub if behind_hub else ''}"
        self.gate = Gate(town(files={"devices/bench.toml": f"{title}{self.form.profile}{sections}"}), _NOW_MS)
        self._round = 0
        for number in range(options.devices):
            self._register(self._name(number))

    def _name(self, number: int) -> str:
        return f"a84041{number:010x}"

    def _register(self, name: str) -> None:
        topic, hub_id = (self.form.hub_topic, name) if self.behind_hub else (self.form.topic.format(device=name), "")
        if self.behind_hub and 'codec = "senml' in self.form.profile:
            hub_id = f"urn:dev:mac:{name}"
        device = Device(self.gate.random_bytes(16), topic, "bench", "mill", None, 0, _NOW_MS, Owner.CITY, hub_id=hub_id)
        changes.add_device(self.gate.state, device, _NOW_MS)

    @property
    def profile(self) -> Profile:
        """The device profile."""
        return self.gate.state.policies.profiles["bench"]

    def messages(self) -> list[Frame]:
        """Return the messages of the next round: times and numbers go on from one to the next."""
        size, devices = self.form.readings, self._options.devices
        count = self._options.readings // size
        frames = []
        for message in range(count):
            at = self._round * count + message
            readings = [self._reading(at, n, devices) for n in range(size)]
            topic = self.form.hub_topic if self.behind_hub and "+" not in self.form.hub_topic else self.form.topic
            frames.append(frame(topic.format(device=readings[0][0]), self.form.encode(readings)))
        self._round += 1
        return frames

    def _reading(self, message: int, place: int, devices: int) -> Reading:
        """Return one reading: behind a hub a pack is of as many devices, else of one at as many times."""
        size = self.form.readings
        if self.behind_hub:
            device, turn = (message * size + place) % devices, (message * size + place) // devices
        else:
            device, turn = message % devices, message // devices * size + place
        time_ms = MIDNIGHT_MS + turn * _SPACING_MS
        return self._name(device), time_ms, turn, 50.0 + (message + place) % 400 / 10

    def take(self) -> int:
        """Take a round in; return how many readings were."""
        frames = self.messages()
        self.size_bytes = sum(len(one.payload) for one in frames)
        decode = compile_decoder(self.profile)
        before_s = time.process_time()
        outcomes = [decode(one.topic, one.payload, _NOW_MS) for one in frames]
        self.decode_s.append(time.process_time() - before_s)
        wrong = [one for one in outcomes if isinstance(one, Reject | Ignore)]
        if wrong:
            raise AssertionError(f"{len(wrong)} messages are no readings, the first as {wrong[0]}")
        decoded, spent_s = self.gate.count("observations.decoded"), 0.0
        for at in range(0, len(frames), _BATCH):
            before_s = time.process_time()
            pipeline.take_frames(self.gate.state, frames[at : at + _BATCH], _NOW_MS)
            spent_s += time.process_time() - before_s
            self.gate.state.take_commit()
        self.whole_s.append(spent_s)
        return self.gate.count("observations.decoded") - decoded - self.gate.count("observations.refused")


def run(options: Options) -> dict[str, Any]:
    """Run the bench; return the result as it is written to the file."""
    takers = {(name, way): Taker(name, options, behind_hub=way == "hub") for name in FORMATS for way in ("plain", "hub")}
    lost = 0
    for number in range(options.rounds):
        for (name, way), taker in takers.items():
            whole = options.readings // taker.form.readings * taker.form.readings
            lost += whole - taker.take()
            if number == options.rounds - 1:
                say(f"{name:<28}{way:<7}{_per_100k(taker.whole_s, whole):8.2f} CPU-s per 100k readings")
    figures = {name: {way: _figures(takers[name, way], options) for way in ("plain", "hub")} for name in FORMATS}
    first = figures[next(iter(FORMATS))]["plain"]["cpu_s_per_100k"]
    for ways in figures.values():
        for one in ways.values():
            one["ratio_to_json"] = round(one["cpu_s_per_100k"] / first, 2) if first else None
    return {"formats": figures, "lost": lost, "readings": options.readings, "devices": options.devices, "rounds": options.rounds}


def _figures(taker: Taker, options: Options) -> dict[str, Any]:
    whole = options.readings // taker.form.readings * taker.form.readings
    return {
        "cpu_s_per_100k": round(_per_100k(taker.whole_s, whole), 3),
        "decode_cpu_s_per_100k": round(_per_100k(taker.decode_s, whole), 3),
        "readings_per_message": taker.form.readings,
        "bytes_per_reading": round(taker.size_bytes / whole),
    }


def _per_100k(rounds_s: Sequence[float], readings: int) -> float:
    return statistics.median(rounds_s) / readings * 100_000


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    lines = [f"{'CPU-s per 100k readings':<28}{'plain':>8}{'decoding':>10}{'hub':>8}{'decoding':>10}{'bytes':>8}"]
    for name, ways in result["formats"].items():
        plain, hub = ways["plain"], ways["hub"]
        cells = f"{plain['cpu_s_per_100k']:>8.2f}{plain['decode_cpu_s_per_100k']:>10.2f}"
        cells += f"{hub['cpu_s_per_100k']:>8.2f}{hub['decode_cpu_s_per_100k']:>10.2f}"
        lines.append(f"{name:<28}{cells}{plain['bytes_per_reading']:>8}")
    lines.append(f"{result['lost']} lost")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 when a reading was not taken in."""
    default = Options()
    parser = argparse.ArgumentParser(
        prog="./dev bench formats", description="what a reading costs by its format, by itself and behind a hub"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--readings", type=int, default=default.readings, help="in a round (default %(default)s)")
    parser.add_argument("--devices", type=int, default=default.devices, help="sound meters (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of which the median counts (default %(default)s)")
    given = parser.parse_args(arguments)
    try:
        result = run(Options(given.readings, given.devices, given.rounds))
    except AssertionError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(as_text(result), end="")
    if given.json is not None:
        given.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if result["lost"] else 0
