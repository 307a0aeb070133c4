"""Which plans a topic is of where no device has it to itself: one device's, by a filter, or those of the devices behind a hub.

Between the registry's places and the pipeline, which asks here for each topic that is not among the plans by topic. ``changes``
enters and removes plans. The answer for a topic is remembered, for a bounded number of topics: a publisher that makes topics up
costs its own look-ups and nobody's memory.
"""

from __future__ import annotations

from typing import Final

from gateway.core.hubs.topic_tree import TopicTree
from gateway.core.model import Decoder
from gateway.core.plans import Device, DevicePlan

REMEMBERED_TOPICS: Final = 16_384
LONGEST_REMEMBERED: Final = 256
"""Characters; or made-up topics would take a gigabyte."""


class HubPlan:
    """A hub by one profile: what decodes its messages, and the devices behind it that are registered with that profile.

    Attributes:
        members: Plans by the id that the messages name; never under the empty id.
        expected: Devices whose plans are not compiled yet, likewise.
        is_authenticated: Whether its messages carry the authentication code of one of the devices.
    """

    __slots__ = ("decode", "expected", "is_authenticated", "members", "profile")

    def __init__(self, profile: str, decode: Decoder, is_authenticated: bool) -> None:
        """Begin with no device."""
        self.profile = profile
        self.decode = decode
        self.is_authenticated = is_authenticated
        self.members: dict[str, DevicePlan] = {}
        self.expected: dict[str, Device] = {}


class _Entry:
    """What one topic or filter stands for: a device by itself, or hubs by profile."""

    __slots__ = ("device", "expected", "hubs")

    def __init__(self) -> None:
        self.device: DevicePlan | None = None
        self.expected: Device | None = None  # of which the plan is not compiled yet
        self.hubs: dict[str, HubPlan] = {}


Found = DevicePlan | tuple[HubPlan, ...]


class Filters:
    """The plans of devices that are registered by a filter or behind a hub."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tree: TopicTree[_Entry] = TopicTree()
        self._remembered: dict[str, Found] = {}

    def put(self, plan: DevicePlan) -> None:
        """Enter a device's plan under its topic or filter; behind a hub where it has an id."""
        device, entry = plan.device, self._entry(plan.device.topic)
        if not device.hub_id:
            entry.device, entry.expected = plan, None
            self._remembered.clear()
            return
        hub = self._hub(entry, device.profile, plan.decode, is_authenticated=plan.key is not None)
        hub.members[device.hub_id] = plan
        hub.expected.pop(device.hub_id, None)

    def expect(self, device: Device, decode: Decoder, *, is_authenticated: bool) -> None:
        """Enter a device whose plan is compiled once it is heard.

        Args:
            device: It stands behind a hub, or is registered by a filter.
            decode: What decodes its messages.
            is_authenticated: Whether they carry its authentication code.
        """
        entry = self._entry(device.topic)
        if not device.hub_id:
            entry.expected = device
        else:
            self._hub(entry, device.profile, decode, is_authenticated=is_authenticated).expected[device.hub_id] = device

    def expected(self, topic: str) -> list[Device]:
        """Return the devices that may have a topic by themselves, by a filter, and whose plans are not compiled yet."""
        return [entry.expected for entry in self._tree.matching(topic) if entry.expected is not None]

    def _entry(self, pattern: str) -> _Entry:
        entry = self._tree.get(pattern)
        if entry is None:
            entry = _Entry()
            self._tree.put(pattern, entry)
            self._remembered.clear()
        return entry

    def _hub(self, entry: _Entry, profile: str, decode: Decoder, *, is_authenticated: bool) -> HubPlan:
        hub = entry.hubs.get(profile)
        if hub is None:
            hub = entry.hubs[profile] = HubPlan(profile, decode, is_authenticated)
            self._remembered.clear()
        return hub

    def drop(self, device: Device) -> None:
        """Remove a device's plan; the others behind its hub stay."""
        entry = self._tree.get(device.topic)
        if entry is None:
            return
        if entry.device is not None and entry.device.device.id == device.id:
            entry.device = None
            self._remembered.clear()
        if entry.expected is not None and entry.expected.id == device.id:
            entry.expected = None
        for hub in list(entry.hubs.values()):
            plan = hub.members.get(device.hub_id)
            if plan is not None and plan.device.id == device.id:
                del hub.members[device.hub_id]
                self._remembered.clear()  # a topic may name the device, and nothing of one that is erased stays
            expected = hub.expected.get(device.hub_id)
            if expected is not None and expected.id == device.id:
                del hub.expected[device.hub_id]
            if not hub.members and not hub.expected:
                del entry.hubs[hub.profile]
                self._remembered.clear()
        if entry.device is None and entry.expected is None and not entry.hubs:
            self._tree.drop(device.topic)

    def clear(self) -> None:
        """Remove every plan."""
        self._tree = TopicTree()
        self._remembered.clear()

    def find(self, topic: str) -> Found | None:
        """Return the device that a topic is of, or the hubs that it may be of, or None where nobody registered it.

        Where several filters match, the one that names the topic's first levels counts for a device by itself; of hubs all do,
        since the message itself says which device it is of.
        """
        found = self._remembered.get(topic)
        if found is not None:
            return found
        found = self._seek(topic)
        if found is not None and len(topic) <= LONGEST_REMEMBERED:
            if len(self._remembered) >= REMEMBERED_TOPICS:
                self._remembered.clear()
            self._remembered[topic] = found
        return found

    def remembered(self) -> int:
        """Return for how many topics the answer is remembered."""
        return len(self._remembered)

    def _seek(self, topic: str) -> Found | None:
        entries = self._tree.matching(topic)
        if entries and (alone := entries[0].device) is not None:
            return alone
        hubs = tuple(entry.hubs[profile] for entry in entries for profile in sorted(entry.hubs))
        return hubs or next((entry.device for entry in entries if entry.device is not None), None)
