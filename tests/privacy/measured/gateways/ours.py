"""Our gateway, driven through its core as the application drives it: readings in frames, ticks, commits, bundles.

Its bundles are sealed, handed over and opened with the recipient's key; nothing of the gateway's memory gets into a recording but
whose records and figures they are, which no attack is told.
"""

from __future__ import annotations

from consent.core.disclosure import TOP, Disclosure, Time
from gateway.core.plans import Device
from gateway.core.pseudonyms import handle
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record
from tests.privacy.measured.gateways.policies import policies_for
from tests.privacy.measured.gateways.port import Released
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, Line, Members, Owner, Said
from tests.privacy.measured.scenarios import AVERAGES, START_MS, Scenario
from tests.support.gate import LATENESS_MS, Gate, frame, limited

_TIMES = {time.label: time for time in (Time.HOUR_1, Time.HOUR_4, Time.DAY)}


class Ours:
    """See the module."""

    name = "ours"

    def drive(self, scenario: Scenario) -> Released:
        """Let each hour happen: what is said before its half, readings, what is said after, a tick a quarter past its end."""
        return _Run(scenario).run()


class _Run:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        policies = policies_for(scenario.cells, scenario.flows)
        self._recipients = sorted(policies.recipients)
        seed = sum(scenario.name.encode()) + 1000 * int(scenario.name.rpartition("-")[2])
        self._gate = Gate(policies, START_MS - DAY_MS + HOUR_MS, seed=seed)
        self._devices: dict[str, Device] = {}
        self._names: dict[bytes, str] = {}
        self._released = Released()

    def run(self) -> Released:
        """Drive the gateway; return what left it."""
        scenario, gate = self._scenario, self._gate
        said = list(scenario.said)
        for home, cell in zip(scenario.homes, scenario.cells, strict=True):
            device = gate.home(profile="meter", zone=f"in-{cell}")
            assert device.subject is not None
            self._devices[home], self._names[device.subject] = device, home
        for one in [one for one in said if one.is_first]:
            self._say(one)
        later = [one for one in said if not one.is_first]
        devices = [self._devices[home] for home in scenario.homes]
        kwh = scenario.kwh.reshape(len(devices), -1)
        for hour in range(scenario.days * 24):
            read_ms = START_MS + hour * HOUR_MS + HOUR_MS // 2
            while later and later[0].at < read_ms:
                self._say(later.pop(0))
            gate.now_ms = read_ms
            gate.take(
                *(
                    frame(device.topic, b'{"t":%d,"kwh":%.3f}' % (read_ms, used))
                    for device, used in zip(devices, kwh[:, hour], strict=True)
                    if used == used
                )
            )
            while later and later[0].at < read_ms + HOUR_MS // 2:
                self._say(later.pop(0))
            gate.to(START_MS + (hour + 1) * HOUR_MS + LATENESS_MS)
            for recipient in self._recipients:
                self._hand_over(recipient)
        return self._released

    def _say(self, one: Said) -> None:
        gate, device = self._gate, self._devices[one.home]
        if one.flow == AVERAGES:  # no flow of ours can ask for it
            return
        if not one.is_first:
            gate.now_ms = one.at
        if one.does == "withdraw":
            gate.withdraw(device, one.flow)
        else:
            gate.grant(device, one.flow, _limits(one))
        gate.commit()

    def _hand_over(self, recipient: str) -> None:
        while (ready := self._gate.form(recipient)) is not None:
            owners = self._pseudonyms(recipient)
            opened = self._gate.deliver(ready)
            self._record(opened, len(ready.content), owners)
        # An opening is as large as its members are many, and read once.
        self._gate.openings.clear()

    def _pseudonyms(self, recipient: str) -> dict[tuple[str, bytes], str]:
        """Return (day, pseudonym) → home, for the days whose keys are there."""
        state, found = self._gate.state, {}
        for domain in state.domain_keys.domains():
            if domain.recipient == recipient:
                cipher = state.domain_keys.pseudonymiser(recipient, domain.purpose, domain.epoch_day, domain.sub_epoch)
                for subject, home in self._names.items():
                    secret = state.registry.subjects[subject].secret
                    found[domain.epoch_day, cipher.pseudonym(handle(secret, domain.purpose))] = home
        return found

    def _record(self, opened: OpenedBundle, size: int, owners: dict[tuple[str, bytes], str]) -> None:
        number = self._released.lines[-1].bundle + 1 if self._released.lines else 0
        at, recipient = self._gate.now_ms, opened.address.recipient
        if not opened.records:
            self._released.lines.append(Line(bundle=number, at=at, bytes=size, recipient=recipient))
        for pos, record in enumerate(opened.records):
            self._released.lines.append(_line(record, number, pos, at, size, recipient))
            if record.pseudonym is not None and record.epoch is not None:
                self._released.owners.append(Owner(number, pos, owners[record.epoch[0], record.pseudonym]))
        self._record_members(opened, number)

    def _record_members(self, opened: OpenedBundle, number: int) -> None:
        payload = self._gate.release_payload(opened.log_index)
        standing: dict[tuple[str, str], set[str]] = {}
        for part in self._gate.contributions(opened.log_index):
            if part.record >= len(payload.records):
                draw = payload.draws[part.record - len(payload.records)]
                standing.setdefault((draw.flow, draw.cell), set()).add(self._names[part.subject])
        for record in opened.records:
            if record.pseudonym is None and (record.hour or 0) == 0:
                homes = sorted(standing.get((record.flow, record.cell), set()))
                self._released.members.append(Members(number, record.flow, record.cell, record.phenomenon_time, homes))


def _limits(one: Said) -> Disclosure:
    axes: dict[str, object] = {}
    if one.time is not None:
        axes["time"] = _TIMES[one.time]
    if one.group is not None:
        axes["group"] = one.group
    return limited(**axes) if axes else TOP


def _line(record: Record, number: int, pos: int, at: int, size: int, recipient: str) -> Line:
    return Line(
        bundle=number,
        at=at,
        bytes=size,
        recipient=recipient,
        pos=pos,
        flow=record.flow,
        cell=record.cell,
        result=float(record.result),
        span=record.phenomenon_time,
        n=record.n,
        identity=record.identity,
        pseudonym=None if record.pseudonym is None else record.pseudonym.hex(),
        hour=record.hour,
        mu=record.mu,
    )
