"""What the control methods about devices take and answer: the registry, what was heard of each device, what nobody registered.

As in ``consent.messages``, whose types these are made of. What ``device.discover`` answers is personal data of whoever publishes:
it is for the terminal that asked, and nothing else in the gateway ever holds it.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from consent.core.decide import Owner
from consent.messages import Hex, Id, Parameters, Result, SubjectChoice

# the registry


class NewDevice(Parameters, frozen=True, kw_only=True):
    """A device to register: whose it is, and whom its readings are about, both have to be stated.

    Attributes:
        topic: That it publishes to; a filter with `+` or `#`, where its profile reads several.
        id: Behind a hub: by which the hub's messages name it. Empty where its profile has no hub.
    """

    profile: str
    zone: str
    topic: str
    owner: Owner
    subject: SubjectChoice
    id: str = ""


class NewDevices(Parameters, frozen=True, kw_only=True):
    """Devices to register: all of them or none; with `dry_run` none, and only whether they could be is told."""

    devices: list[NewDevice]
    dry_run: bool = False


class DeviceAdded(Result, frozen=True, kw_only=True):
    """A device as registered; codes and keys are told once."""

    device: Id
    subject: Id | UnsetType = UNSET
    resident: Id | UnsetType = UNSET
    claim_code: str | UnsetType = UNSET
    key: Hex | UnsetType = UNSET


class DevicesAdded(Result, frozen=True, kw_only=True):
    """The devices in the order of the request, and what is odd about them, in lines for people.

    Attributes:
        code_days: How many days the claim codes among them hold.
        checked: In a dry run, how many could be registered; then `devices` is empty.
    """

    devices: list[DeviceAdded]
    warnings: list[str] | UnsetType = UNSET
    code_days: int | UnsetType = UNSET
    checked: int | UnsetType = UNSET


class DeviceListed(Result, frozen=True, kw_only=True):
    """A device of the registry, and what was heard of it since the gateway started; topics are personal and stay there.

    Attributes:
        unmatched: True where no filter of the configuration matches its topic.
        heard_ms: When it last sent anything; None: not since the start.
        reading_ms: When it last sent a reading that was admitted.
        readings: How many were admitted.
        rejected: How many messages and values were refused, by reason.
        expect_every_ms: After how long without a reading its profile has it fallen silent; None: it does not say.
        silent: Whether it has; None where nobody can tell.
    """

    device: Id
    profile: str
    zone: str
    owner: Owner
    owner_assumed: bool
    subject: Id | None
    unmatched: bool | UnsetType = UNSET
    heard_ms: int | None
    reading_ms: int | None
    readings: int
    rejected: dict[str, int]
    expect_every_ms: int | None
    silent: bool | None


class DeviceList(Result, frozen=True, kw_only=True):
    """Every device of the registry, those that have fallen silent first.

    Attributes:
        running_since_ms: Since when the gateway runs, and counts what it hears; None where none runs.
        now_ms: The gateway's clock.
    """

    devices: list[DeviceListed]
    running_since_ms: int | None
    now_ms: int


class DeviceOf(Parameters, frozen=True, kw_only=True):
    """A device."""

    device: Id


class DeviceShown(DeviceListed, frozen=True, kw_only=True):
    """A device, and since when it is registered; the rest as in the list."""

    added_ms: int
    running_since_ms: int | None
    now_ms: int


class DeviceOwner(DeviceOf, frozen=True, kw_only=True):
    """Whose a device is; with `subject`, whom its readings are about from now on, where they were about nobody."""

    owner: Owner
    subject: SubjectChoice | UnsetType = UNSET


class DeviceOwned(DeviceAdded, frozen=True, kw_only=True):
    """Whose a device is from now on; the code of a new subject is told once."""

    owner: Owner


class DeviceRevoked(Result, frozen=True, kw_only=True):
    """The device that is registered no more."""

    device: Id


# what nobody registered


class Discover(Parameters, frozen=True, kw_only=True):
    """Begin to gather publishers that nobody registered, or ask how far it has come.

    Attributes:
        for_s: Seconds, from the first request of a connection on.
        report: Whether the publishers are told, or only how many there are.
    """

    for_s: int = 60
    report: bool = False


class ValueRead(Result, frozen=True, kw_only=True):
    """An example of what a profile reads."""

    property: str
    value: float
    unit: str


class ProfileFit(Result, frozen=True, kw_only=True):
    """A profile by which a publisher's messages give readings.

    Attributes:
        in_force: Whether the policies in force have it; otherwise it comes with the program, and the city has to choose it first.
        readings: How many of its messages it read.
        values: The last one of each property.
        refused: Behind a hub: why the last message that gave none was refused; empty where all gave some.
        undefined: The properties that it would read as well if the city defined them; of these no value is told.
    """

    profile: str
    in_force: bool
    readings: int
    refused: str = ""
    values: list[ValueRead]
    undefined: list[str] = msgspec.field(default_factory=list)


class PublisherFound(Result, frozen=True, kw_only=True):
    """A publisher that nobody registered.

    Attributes:
        id: Behind a hub; empty where it publishes by itself.
        per_h: Messages in an hour; None after a single one.
        fits: The profiles that read it, best first.
    """

    topic: str
    id: str
    messages: int
    first_ms: int
    last_ms: int
    per_h: float | None
    fits: list[ProfileFit]


class Discovered(Result, frozen=True, kw_only=True):
    """How far a discovery has come.

    Attributes:
        messages: How many came of devices that nobody registered.
        left_off: How many of them of publishers beyond the bound, of which nothing is kept.
        found: How many publishers there are.
        publishers: By topic and id, where they were asked for.
    """

    messages: int
    left_off: int
    found: int
    publishers: list[PublisherFound] = msgspec.field(default_factory=list)
