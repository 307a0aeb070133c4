"""How two sets of policies differ besides in what ``decide`` weighs: recipient, purpose, what is read, how figures are made.

Where values have an order, a difference rises or falls. One without an order that reveals something new (another recipient,
purpose, figure, key or field) counts as rising: nobody has agreed to it, and the former policies did not do it. Anything else
merely differs, and reveals nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from consent.core.canonical import disclosure_map
from consent.core.disclosure import Disclosure, Time
from consent.core.policies.fingerprint import fingerprint, split_keys
from consent.core.policies.policy import Flow, PolicySet, Recipient, Sign
from consent.core.policies.property import Property
from consent.core.profiles.profile import Texts
from consent.core.review.noise import noise_changes
from consent.core.review.reach import Direction
from consent.core.review.readings import profile_changes

ABSENT: Final = "nothing"
_WHOM_TO_ASK: Final = ("contact", "telephone")
_CONTROLLER: Final = ("name", "jurisdiction", "storage_place", "data_protection_officer")


@dataclass(frozen=True, slots=True)
class Rule:
    """A key whose value differs.

    Attributes:
        key: Its path in `city.toml`, or the path of another file, a colon, and its path there.
        old: As policies write it.
        new: The later value, likewise.
    """

    direction: Direction
    key: str
    old: str
    new: str

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"direction": self.direction.value, "key": self.key, "old": self.old, "new": self.new}


def rule_changes(old: PolicySet, new: PolicySet, old_keys: Mapping[str, bytes], new_keys: Mapping[str, bytes]) -> list[Rule]:
    """Return the differences, increases first.

    Args:
        old: The former policies.
        new: The later ones.
        old_keys: The former public keys, by recipient, as far as they are known.
        new_keys: The later ones.
    """
    found = [*_flows(old, new), *_purposes(old, new), *_recipients(old, new, old_keys, new_keys), *_properties(old, new)]
    found += [*_noise(old, new), *_profiles(old, new), *_places(old, new), *_signs(old, new), *_controller(old, new)]
    order = list(Direction)
    return sorted(found, key=lambda rule: (order.index(rule.direction), rule.key))


def _changed(direction: Direction, key: str, old: object, new: object) -> Iterator[Rule]:
    if old != new:
        yield Rule(direction, key, _written(old), _written(new))


def _written(value: object) -> str:
    return ABSENT if value is None or value == "" else str(value)


def _flows(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    for name in old.flows.keys() | new.flows.keys():
        before, after, key = old.flows.get(name), new.flows.get(name), f"flow.{name}"
        if before is None or after is None:
            direction = Direction.RISES if before is None else Direction.FALLS
            yield Rule(direction, key, _asked(before), _asked(after))
            continue
        yield from _changed(Direction.RISES, f"{key}.purpose", before.purpose, after.purpose)
        yield from _changed(Direction.RISES, f"{key}.recipient", before.recipient, after.recipient)
        for added in set(after.properties) - set(before.properties):
            yield Rule(Direction.RISES, f"{key}.properties", ABSENT, added)
        for removed in set(before.properties) - set(after.properties):
            yield Rule(Direction.FALLS, f"{key}.properties", removed, ABSENT)
        for each in set(before.properties) & set(after.properties):
            was, now = str(before.statistic.get(each, "")), str(after.statistic.get(each, ""))
            yield from _changed(Direction.RISES, f"{key}.statistic.{each}", was, now)


def _asked(flow: Flow | None) -> str:
    return ABSENT if flow is None else f"{', '.join(flow.properties)} for {flow.recipient}: {_point(flow.ask)}"


def _point(ask: Disclosure) -> str:
    axes = disclosure_map(ask)
    return ", ".join([axes["identity"], axes["time"], axes["space"], f"{ask.retention_days} days"])


def _purposes(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    for name in old.purposes.keys() & new.purposes.keys():
        before, after = old.purposes[name], new.purposes[name]
        yield from _changed(Direction.DIFFERS, f"purpose.{name}.legal_basis", before.legal_basis, after.legal_basis)
        yield from _changed(Direction.DIFFERS, f"purpose.{name}.dpv", before.dpv, after.dpv)
        yield from _worded(f"purpose.{name}.if_no", before.if_no, after.if_no)


def _recipients(old: PolicySet, new: PolicySet, old_keys: Mapping[str, bytes], new_keys: Mapping[str, bytes]) -> Iterator[Rule]:
    for name in old.recipients.keys() & new.recipients.keys():
        before, after, key = old.recipients[name], new.recipients[name], f"recipient.{name}"
        closes = before.public_key_file is None  # its data was open before; another file may hold somebody else's key
        fewer = bool(after.key_files) and set(after.key_files) < set(before.key_files)
        direction = Direction.FALLS if closes or fewer else Direction.RISES
        yield from _changed(direction, f"{key}.public_key_file", _listed_files(before), _listed_files(after))
        was, now = old_keys.get(name), new_keys.get(name)
        if was is not None and now is not None:
            added = set(split_keys(now)) - set(split_keys(was))
            direction = Direction.RISES if added else Direction.FALLS
            yield from _changed(direction, f"{key} public key", fingerprint(was), fingerprint(now))
        for each in _WHOM_TO_ASK:
            yield from _changed(Direction.DIFFERS, f"{key}.{each}", getattr(before, each), getattr(after, each))
        yield from _changed(Direction.DIFFERS, f"{key}.sink", before.sink, after.sink)


def _listed_files(recipient: Recipient) -> str | None:
    return ", ".join(recipient.key_files) or None


def _worded(key: str, old: Texts, new: Texts) -> Iterator[Rule]:
    """Compare what citizens read, language by language: whatever it says, it lets nobody have more."""
    for language in old.keys() | new.keys():
        yield from _changed(Direction.DIFFERS, f"{key}.{language}", old.get(language), new.get(language))


def _properties(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    for name in old.properties.keys() & new.properties.keys():
        before, after, key = old.properties[name], new.properties[name], f"property.{name}"
        yield from _changed(Direction.RISES, f"{key}.unit", before.unit, after.unit)
        finest, was = after.ladder[0], before.ladder[0]
        direction = Direction.DIFFERS if finest == was else Direction.RISES if finest < was else Direction.FALLS
        yield from _changed(direction, f"{key}.ladder", _listed(before.ladder), _listed(after.ladder))
        yield from _changed(_clamp_direction(before, after), f"{key}.clamp", _bounds(before), _bounds(after))


def _clamp_direction(before: Property, after: Property) -> Direction:
    """Return whether any value counts as more, or as less, than it did: wider bounds reveal extremes."""
    for time in dict(before.clamp).keys() | dict(after.clamp).keys():
        was, now = before.clamp_of(time), after.clamp_of(time)
        if now is None or (was is not None and not (was[0] <= now[0] and now[1] <= was[1])):
            return Direction.RISES
    return Direction.FALLS


def _bounds(one: Property) -> str:
    """Return bounds as policies write them: a pair for all windows, or one for each length."""
    if [time for time, _ in one.clamp] in ([], [Time.DAY]):
        return _listed(one.clamp[0][1] if one.clamp else None)
    return "; ".join(f"{time.label}: {_listed(bounds)}" for time, bounds in one.clamp)


def _listed(numbers: tuple[Any, ...] | None) -> str:
    return ABSENT if numbers is None else ", ".join(f"{number:f}" for number in numbers)


def _noise(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    for change in noise_changes(old, new):
        yield Rule(change.direction, change.key, _written(change.old), _written(change.new))


def _profiles(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    asked = {name for flow in new.flows.values() for name in flow.properties}
    for name in old.profiles.keys() & new.profiles.keys():
        for change in profile_changes(old.profiles[name], new.profiles[name], asked):
            key = f"devices/{name}.toml: {change.part}"
            yield Rule(change.direction, key, _written(change.old), _written(change.new))


def _places(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    """Compare districts as cells: one that a zone shares with fewer zones than before reveals its place more exactly."""
    common = old.zones.keys() & new.zones.keys()
    found: dict[tuple[Direction, str, str], list[str]] = {}
    for zone in sorted(common):
        before, after = _neighbours(old, zone) & common, _neighbours(new, zone) & common
        if before != after:
            direction = Direction.FALLS if before < after else Direction.RISES
            was, now = old.zones[zone].district, new.zones[zone].district
            row = direction, f"{was} of {len(before)} zones", f"{now} of {len(after)} zones"
            found.setdefault(row, []).append(zone)
    for (direction, was, now), zones in found.items():
        yield Rule(direction, f"zone.{','.join(zones)}.district", was, now)


def _neighbours(policies: PolicySet, zone: str) -> set[str]:
    district = policies.zones[zone].district
    return {each.id for each in policies.zones.values() if each.district == district}


def _signs(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    """Compare the signs at sensors; they stand at the city's own, and decide nothing."""
    for name in old.signs.keys() | new.signs.keys():
        before, after, key = old.signs.get(name), new.signs.get(name), f"sign.{name}"
        yield from _changed(Direction.DIFFERS, key, _stands(before), _stands(after))
        if before is not None and after is not None:
            yield from _worded(f"{key}.text", before.text, after.text)


def _stands(sign: Sign | None) -> str:
    return ABSENT if sign is None else f"{sign.profile} in {sign.zone}"


def _controller(old: PolicySet, new: PolicySet) -> Iterator[Rule]:
    for each in _CONTROLLER:
        yield from _changed(Direction.DIFFERS, f"city.{each}", getattr(old.city, each), getattr(new.city, each))
