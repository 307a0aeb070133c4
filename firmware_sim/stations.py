"""Puts a scenario's devices to work: each measures, errs as its faults have it, and says so in its format, in order of time.

``Station`` is one device with its format and faults; ``Fleet`` merges many of them. ``run`` publishes what they send.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from firmware_sim.devices import MODELS, uniform
from firmware_sim.formats.kinds import KINDS
from firmware_sim.formats.message import Encode, Message, Moment
from firmware_sim.formats.packed import compressed
from firmware_sim.messages import Device, Reading, default_identity
from firmware_sim.misbehaviour.attempt import Attempt, Fault, Sensor
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.scenario import DeviceSpec, Scenario


@dataclass(frozen=True, slots=True)
class Station:
    """A device with the format in which it speaks and the faults that befall it.

    Args:
        device: Its times, its values and its serial number.
        encode: Its format.
        sensor: What its faults may know of it.
        faults: In the order in which they act.
    """

    device: Device
    encode: Encode
    sensor: Sensor
    faults: tuple[Fault, ...] = ()

    def send(self, t_ms: int) -> tuple[Truth, list[Reading]]:
        """Return what becomes of the measurement of a reading time: the truth, and the frames, none if it is lost.

        The frames are in order of when they are due, which is never before the reading time.
        """
        device = self.device
        measured = device.values(t_ms)
        boot, sequence = device.boot_and_sequence(t_ms)
        attempt = Attempt(t_ms, measured, t_ms, boot, sequence, (t_ms,))
        for fault in self.faults:
            attempt = fault.befall(attempt, self.sensor)
        truth = Truth(
            topic=device.topic,
            identity=device.identity,
            kind=device.kind,
            measured_ms=t_ms,
            measured=measured,
            said_ms=attempt.said_ms,
            said=attempt.values,
            boot=attempt.boot,
            sequence=attempt.sequence,
            sent_ms=attempt.sent_ms,
            faults=attempt.faults,
        )
        return truth, [reading for copy in range(len(attempt.sent_ms)) for reading in self._frames(attempt, copy)]

    def _frames(self, attempt: Attempt, copy: int) -> Iterator[Reading]:
        """Yield the frames of one copy; of all but the first only those that carry the reading."""
        device, due_ms = self.device, attempt.sent_ms[copy]
        moment = Moment(
            topic=device.topic,
            identity=device.identity,
            values=attempt.values,
            said_ms=attempt.said_ms,
            heard_ms=due_ms,
            boot=attempt.boot,
            sequence=attempt.sequence,
            copy=copy,
            zone=self.sensor.zone,
        )
        for topic, payload, carries in self.encode(moment):
            if carries or not copy:
                fields = attempt.values
                yield Reading(topic, payload, device.kind, due_ms, attempt.sequence, device.public, fields, carries, copy)


class Fleet:
    """The devices of a scenario, ready to measure."""

    def __init__(self, scenario: Scenario) -> None:
        self.stations: tuple[Station, ...] = tuple(_station(spec, scenario) for spec in scenario.devices)

    @property
    def devices(self) -> tuple[Device, ...]:
        """All devices, in the scenario's order."""
        return tuple(station.device for station in self.stations)

    def readings(self, from_ms: int) -> Iterator[Reading]:
        """Yield the frames of all devices from a given time on, in order of when they are due, without end."""
        due = [(station.device.next_ms(from_ms), index) for index, station in enumerate(self.stations)]
        heapq.heapify(due)
        waiting: list[tuple[int, int, Reading]] = []
        serial, truths = count(), list[Truth]()
        while due:
            t_ms, index = due[0]
            while waiting and waiting[0][0] < t_ms:
                _, _, reading = heapq.heappop(waiting)
                yield replace(reading, truths=tuple(truths)) if truths else reading
                truths.clear()
            station = self.stations[index]
            truth, readings = station.send(t_ms)
            truths.append(truth)
            for reading in readings:
                heapq.heappush(waiting, (reading.time_ms, next(serial), reading))
            heapq.heapreplace(due, (t_ms + station.sensor.interval_ms, index))


def _station(spec: DeviceSpec, scenario: Scenario) -> Station:
    shares = spec.kind in KINDS and KINDS[spec.kind].shares_topic
    seed = f"{scenario.seed}/{spec.topic}/{spec.identity}" if shares else f"{scenario.seed}/{spec.topic}"
    model = (KINDS[spec.kind].model if spec.kind in KINDS else MODELS[spec.kind])(seed=seed, **spec.settings)  # type: ignore[arg-type]
    device = Device(
        topic=spec.topic,
        kind=spec.kind,
        model=model,
        offset_s=int(uniform(seed, "offset", 0) * model.interval_s),
        identity=spec.identity or default_identity(spec.topic),
        public=spec.public,
        key=spec.key,
        restart_s=spec.restart_s,
        extra=spec.extra,
    )
    encode = KINDS[spec.kind].encode if spec.kind in KINDS else _own(device)
    sensor = Sensor(seed, model.interval_s * 1000, device.values, device.next_ms, scenario.zone)
    return Station(device, compressed(encode) if spec.gzip else encode, sensor, spec.faults)


def _own(device: Device) -> Encode:
    """Return the format of a kind whose messages are this project's own."""

    def encode(moment: Moment) -> Sequence[Message]:
        fields = device.fields(moment.said_ms, moment.values, moment.boot, moment.sequence)
        return [Message(moment.topic, device.encode(fields, moment.sequence))]

    return encode
