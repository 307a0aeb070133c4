"""`sluice device try`: what a device profile reads in messages, by the steps that the gateway itself takes, without a gateway.

All messages are of one device, or of one hub, in the order in which they are named, with the memory that the gateway would keep.
A message with an authentication code is tried under another key, since nobody has registered its device: what its code covers
is read, and whether the code is right is not told.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consent.core.policies.parse import DEVICES, city_terms, parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.profiles.parse import read_profile
from consent.core.profiles.profile import Profile, Scheme
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from consent.instants import parse_utc_ms
from consent.messages import JsonObject
from consent.policy_files import read_policy_files
from consent.printable import as_lines, one_line
from consent.shipped_profiles import shipped_names, shipped_text
from gateway.commands.output import show
from gateway.config import load_config
from gateway.core.examples.example import utc_text
from gateway.core.examples.trial import Trial, Tried, TriedPart
from gateway.core.ingest.mac0 import stated_sequence, unverified
from gateway.core.model import Reading, Reject
from gateway.errors import OperatorError
from gateway.files import read_regular, reason_of

_MOST_BYTES: Final = 1 << 24
_MOST_PROFILE_BYTES: Final = 1 << 20
_STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class TriedMessage:
    """A message to try, and where it comes from: a file, and a line of it where lines are messages (else 0)."""

    file: str
    line: int
    payload: bytes

    @property
    def name(self) -> str:
        """Return how people find it."""
        return f"{self.file}: line {self.line}" if self.line else self.file


@dataclass(slots=True)
class _Telling:
    """By what it is told what came of messages.

    Attributes:
        seen: By device behind a hub and property, the times of readings without a number: the same time counts once.
    """

    policies: PolicySet
    profile: Profile
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    def repeats(self, hub_id: str, name: str, time_ms: int) -> bool:
        """Return whether a reading's time came before, and remember it."""
        place = hub_id, name, time_ms
        known = place in self.seen
        self.seen.add(place)
        return known

    def not_read(self, outcome: Reading) -> list[str]:
        """Return the properties of which a message gave nothing; a field with a topic of its own is not expected in each."""
        given = {each.observed_property for each in outcome.observations}
        return [name for name, each in self.profile.fields.items() if name not in given and not each.topic]


def run(args: argparse.Namespace) -> int:
    """`sluice device try`: 1 where a message, or a value in one, is refused.

    Raises: OperatorError: the profile or a file cannot be read.
    """
    policies = _policies(args)
    profile = _profile(args.profile, policies)
    received_ms = _received(args.received)
    messages = [message for file in args.payload for message in _messages(file, lines=args.lines)]
    try:
        trial = Trial(profile, policies.properties)
    except PolicyError as error:
        raise OperatorError(str(error)) from error
    telling = _Telling(policies, profile)
    told = [
        _told(telling, message, _tried(trial, profile, number, message, args.topic, received_ms))
        for number, message in enumerate(messages, 1)
    ]
    show(args, {"profile": profile.id, "messages": told}, as_lines(line for each in told for line in _lines(each)))
    return int(any(_is_refused(each) for each in told))


def _tried(trial: Trial, profile: Profile, number: int, message: TriedMessage, topic: str, received_ms: int) -> Tried:
    """Try a message; one with an authentication code is given that of the trial's own device, under its own number."""
    if profile.authentication.scheme is not Scheme.MAC0:
        return trial.take(topic, message.payload, received_ms)
    payload, stated = unverified(message.payload), stated_sequence(message.payload)
    if payload is None or stated is None:  # what a code would cover
        return trial.take(topic, message.payload, received_ms, number)
    return trial.take(topic, payload, received_ms, stated)


# what is tried


def _policies(args: argparse.Namespace) -> PolicySet:
    """Return the policies whose properties and profiles count.

    Raises: OperatorError: they cannot be read.
    """
    file = Path(args.profile)
    folder = args.policies
    if folder is None and _is_file(args.profile) and file.absolute().parent.name == DEVICES:
        folder = file.absolute().parent.parent
    try:
        return parse_policies(read_policy_files(load_config(args.config).policies if folder is None else folder))
    except PolicyError as error:
        raise OperatorError(f"{error}; `--policies` names another folder") from error


def _is_file(named: str) -> bool:
    return named.endswith(".toml") or "/" in named


def _profile(named: str, policies: PolicySet) -> Profile:
    """Return the profile that is named: a file, one of the policies, or one that is shipped.

    Raises: OperatorError: there is none, or its file is wrong.
    """
    if not _is_file(named):
        if named in policies.profiles:
            return policies.profiles[named]
        if named not in shipped_names():
            known = ", ".join(f"`{name}`" for name in sorted({*policies.profiles, *shipped_names()}))
            raise OperatorError(f"there is no device profile `{one_line(named)}`; a file is named by its path; there are {known}")
    try:
        data = read_regular(Path(named), _MOST_PROFILE_BYTES) if _is_file(named) else shipped_text(named)
        file = TomlFile(named if _is_file(named) else f"{DEVICES}/{named}.toml", data)
        title = file.tables.get("title")
        languages = tuple(title) if isinstance(title, dict) else policies.city.languages
        terms = city_terms(policies.city, policies.properties, languages)
        return read_profile(file, Path(named).name.removesuffix(".toml"), terms)
    except PolicyError as error:
        raise OperatorError(str(error)) from error
    except OSError as error:
        raise OperatorError(f"`{named}`: {reason_of(error)}") from error


def _received(text: str | None) -> int:
    if text is None:
        return time.time_ns() // 1_000_000
    try:
        return parse_utc_ms(text)
    except ValueError as error:
        raise OperatorError(f"`--received`: {error}") from error


def _messages(file: str, *, lines: bool) -> Iterator[TriedMessage]:
    try:
        data = sys.stdin.buffer.read(_MOST_BYTES) if file == _STDIN else read_regular(file, _MOST_BYTES)
    except OSError as error:
        raise OperatorError(f"`{file}`: {reason_of(error)}") from error
    name = "standard input" if file == _STDIN else file
    if not lines:
        yield TriedMessage(name, 0, data)
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield TriedMessage(name, number, line.removesuffix(b"\r"))


# what came of it


def _told(telling: _Telling, message: TriedMessage, tried: Tried) -> JsonObject:
    """Return what became of a message, as `--json` prints it."""
    told: JsonObject = {"payload": message.file}
    if message.line:
        told["line"] = message.line
    if tried.parts:
        return {**told, "outcome": "readings", "devices": [_device(telling, part.hub_id, part) for part in tried.parts]}
    if isinstance(tried.outcome, Reject):
        return {**told, "outcome": "rejected", "reason": tried.outcome.reason}
    if isinstance(tried.outcome, Reading):
        return {**told, "outcome": "readings", "devices": [_device(telling, "", tried)]}
    return {**told, "outcome": "ignored"}


def _device(telling: _Telling, hub_id: str, tried: Tried | TriedPart) -> JsonObject:
    """Return what became of one device's part of a message."""
    told: JsonObject = {"id": hub_id} if hub_id else {}
    outcome = tried.outcome
    if isinstance(outcome, Reject):
        return {**told, "reason": outcome.reason, "readings": [], "refused": []}
    assert isinstance(outcome, Reading)
    told["boot"] = outcome.boot
    told["sequence"] = tried.sequence
    told["time_from"] = "message" if outcome.has_time else "arrival"
    told["readings"] = readings = []
    by_time = outcome.has_time and tried.sequence is None
    for each, refusal in zip(outcome.observations, tried.refused, strict=True):
        name, time_ms = each.observed_property, each.phenomenon_time_ms
        reason = refusal.reason if refusal else "duplicate" if by_time and telling.repeats(hub_id, name, time_ms) else None
        unit = telling.policies.properties[name].unit
        said = {"property": name, "value": each.result, "unit": unit, "time": utc_text(time_ms)}
        readings.append(said if reason is None else {**said, "refused": reason})
    told["refused"] = [refusal.reason for refusal in outcome.refused]
    told["not_read"] = telling.not_read(outcome)
    return told


def _is_refused(told: JsonObject) -> bool:
    if told["outcome"] == "rejected":
        return True
    return any(
        device.get("reason") or device["refused"] or any("refused" in each for each in device["readings"])
        for device in told.get("devices", [])
    )


def _lines(told: JsonObject) -> Iterator[str]:
    name = f"{told['payload']}: line {told['line']}" if "line" in told else told["payload"]
    if told["outcome"] != "readings":
        yield f"{name}: {told['outcome']}{': ' + told['reason'] if 'reason' in told else ', for it is no reading'}"
        return
    yield f"{name}:"
    for device in told["devices"]:
        if "id" in device:
            yield f"  id {device['id']}"
        if "reason" in device:
            yield f"  rejected: {device['reason']}"
        for each in device["readings"]:
            arrival = " (arrival)" if device["time_from"] == "arrival" else ""
            refused = f"  refused: {each['refused']}" if "refused" in each else ""
            yield f"  {each['property']:<20} {each['value']:.12g} {each['unit']}  {each['time']}{arrival}{refused}"
        yield from (f"  a value refused: {reason}" for reason in device["refused"])
        if device.get("not_read"):
            yield f"  nothing read of: {', '.join(device['not_read'])}"
