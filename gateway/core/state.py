"""Everything that the running gateway holds in memory, in parts, each with the methods that change it and who may call them.

``pipeline`` (batches), ``release`` (ticks), ``changes`` (policies, consents, devices) and ``recovery`` (start) are the steps;
each adds what must become durable to ``commit``, which the application stores before anything else happens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain

import msgspec

from consent.core.outcome import NEVER_MS
from consent.core.policies.policy import PolicySet
from gateway.audit.log.notes import Signer
from gateway.core.discovery.publishers import Discovery
from gateway.core.effects import Commit
from gateway.core.hubs.filters import Filters
from gateway.core.inflight import Inflight
from gateway.core.ingest.arrivals import Arrivals
from gateway.core.ingest.marks import Marks
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.series import HeldReadings
from gateway.core.journal import Dry, Journal
from gateway.core.ledger import Ledger
from gateway.core.log import LogState
from gateway.core.model import Decoder
from gateway.core.outbox import Outbox
from gateway.core.plans import Device, DevicePlan, InForce
from gateway.core.pseudonyms import DomainKeys
from gateway.core.public.numbers import PublicNumbers
from gateway.core.public.tally import HOUR_MS
from gateway.core.public.turn import Counted, turning
from gateway.core.registry import Registry
from gateway.core.windows.publications import Publications
from gateway.core.windows.windows import LastReadings, Windows

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """The gateway's own identity, and the keys that the core needs; fixed while it runs.

    Attributes:
        gateway: Its id, as it appears in topics and bundles.
        signer: The log's key at the start; its name is the log's origin. ``log.signer`` is the present one.
        device_key: (device id, generation) → the device's MAC key.
        device_generation: Returns the generation of the keys that devices get now.
        keeps_generation: Whether there are still keys of a generation; those of before the root key was replaced may be gone.
        random_bytes: n → n random bytes.
        sub_epoch: Of the pseudonym keys that this process makes: a number that no other process on this database has had.
    """

    gateway: str
    signer: Signer
    device_key: Callable[[bytes, int], bytes]
    random_bytes: RandomBytes
    sub_epoch: int
    simulated_clock: bool = False
    device_generation: Callable[[], int] = lambda: 0
    keeps_generation: Callable[[int], bool] = lambda _: True


class State:
    """The gateway's memory.

    Attributes:
        force: The policies in force; ``changes`` sets them.
        devices: The plans of devices whose profile the policies know and that have a topic to themselves, by topic; ``changes``
            compiles them.
        filters: The plans of those behind hubs, and of those registered by a topic filter; likewise.
        by_contributor: All of these plans, by contributor.
        unsettled: Contributors whom a change of policies has not reached yet, with the last readings of their counters: they have
            no plans, and what they gave to windows is not released. Kept by ``changes``.
        is_settled: Whether there are none: only then is anything released, and an hour counted. Set by ``changes``.
        decoders: By device profile; ``changes`` compiles them.
        memories: What is remembered of devices, by id; changed by a plan's steps and by an erasure.
        times_room: The room that the times among them share.
        held: The readings of the last two days, for the households that they are about; likewise.
        windows: Changed by the pipeline, releases and ``changes``, and by the replay of the journal.
        ledger: Changed by each step that decides what becomes of a reading.
        journal: Written by each step that adds something to windows or memories, or removes it.
        marks: Of the frames last committed: what the broker may send again after the next reconnect. Changed by the pipeline.
        redeliverable: Frames committed on an earlier connection that the broker may send again: packet id → digest. Changed by
            the pipeline.
        arrivals: When readings without a time of their own can have come. Changed by the pipeline and ``app``.
        subscriptions: The filters that the session at the broker is known to hold. Changed by the pipeline.
        drained: Whether the inbound queue was drained since start or reconnect; before that no window ends. Set by the pipeline.
        publications: How far each recipient's publications have come. Changed by releases, voids and the replay of the journal.
        revision: Counts the changes of plans, so that a publication that was formed aside is not applied to others. Counted by
            ``changes``.
        domain_keys: The pseudonym keys. Made and dropped by releases.
        public: The numbers that anyone may ask for. Counted by releases and voids, and shown by ``turn``.
        notices_next_ms: When the next consent's end is to be announced. Kept by ``notices``.
        discovery: Looks at messages of unknown devices while a terminal asks for them, and is None otherwise. Set by ``control``.
        expires_next_ms: When the next consent expires, so that its plans are compiled again. Kept by ``changes``.
        started_ms: When this memory began, by the gateway's clock: what is stored nowhere goes back no further. Set by ``turn``.
    """

    def __init__(self, identity: GatewayIdentity) -> None:
        """Begin with nothing in force: everything is withheld until policies are applied."""
        self.identity = identity
        self.force: InForce | None = None
        self.registry = Registry()
        self.outbox = Outbox()
        self.inflight = Inflight()
        self.log = LogState(identity.signer, identity.random_bytes, simulated_clock=identity.simulated_clock)
        self.devices: dict[str, DevicePlan] = {}
        self.filters = Filters()
        self.by_contributor: dict[bytes, list[DevicePlan]] = {}
        self.unsettled: dict[bytes, LastReadings] = {}
        self.is_settled = True
        self.decoders: dict[str, Decoder] = {}
        self.memories: dict[bytes, DeviceMemory] = {}
        self.times_room = SharedRoom()
        self.held = HeldReadings()
        self.windows = Windows({})
        self.ledger = Ledger()
        self.journal = Journal()
        self.marks = Marks()
        self.redeliverable: dict[int, bytes] = {}
        self.arrivals = Arrivals()
        self.subscriptions: tuple[str, ...] = ()
        self.drained = False
        self.publications = Publications()
        self.revision = 0
        self.domain_keys = DomainKeys(identity.random_bytes)
        self.public = PublicNumbers()
        self.expires_next_ms = NEVER_MS
        self.notices_next_ms = 0
        self.started_ms = 0
        self.discovery: Discovery | None = None
        self.commit = Commit()
        self._begin_commit()

    @property
    def policies(self) -> PolicySet:
        """Return the policies in force; only called where some are."""
        assert self.force is not None
        return self.force.policies

    def plans(self) -> Iterator[DevicePlan]:
        """Iterate over the plans of all devices."""
        return chain.from_iterable(self.by_contributor.values())

    def plan_of(self, device: Device) -> DevicePlan | None:
        """Return a device's plan; None where the policies do not know its profile, or have not reached it yet."""
        plans = self.by_contributor.get(device.contributor, ())
        return next((plan for plan in plans if plan.device.id == device.id), None)

    def memory_of(self, device: bytes) -> DeviceMemory:
        """Return what is remembered of a device; nothing yet where it is new."""
        if device not in self.memories:
            self.memories[device] = DeviceMemory(self.times_room, self.held)
        return self.memories[device]

    def times_remembered(self) -> int:
        """Return how many times are remembered, of all devices."""
        return sum(len(times) for memory in self.memories.values() for times in memory.seen.values())

    def forget_devices_but(self, registered: Collection[bytes]) -> None:
        """Drop what is remembered of all other devices; no registration has an id that another had."""
        for former in [device for device in self.memories if device not in registered]:
            memory = self.memories.pop(former)
            memory.drop_before({}, NEVER_MS)
            memory.end_previews()

    def turn(self, now_ms: int) -> bool:
        """Turn the public's numbers to the present hour at once; see ``turning``. Return whether that is to be committed."""
        turned = self.public.turned
        for _ in self.turning(now_ms):
            pass
        return self.public.turned > turned

    def turning(self, now_ms: int) -> Iterator[None]:
        """Turn the public's numbers to the present hour, if it is later than the last; between two pieces anything may happen."""
        self.started_ms = self.started_ms or now_ms
        hour, force = now_ms // HOUR_MS, self.force
        if hour <= self.public.turned or not self.is_settled:
            return
        self.held.forget_old(now_ms)

        def is_current() -> bool:
            return self.is_settled and self.force is force

        yield from turning(self.public, hour, Counted(self.ledger.totals, force, self.registry, self.by_contributor, is_current))

    def take_commit(self) -> Commit:
        """Return what must become durable, with the present journal and ledger, and begin the next commit."""
        commit = self.commit
        if (dry_ms := self.arrivals.take_news()) is not None:
            self.journal.note(Dry(dry_ms))
        commit.journal = self.journal.take_batch()
        if self.public.has_news:
            commit.public, commit.public_since = self.public.take_rows(), self.public.first_kept()
        commit.ledger = self.ledger_blob()
        self._begin_commit()
        return commit

    def _begin_commit(self) -> None:
        """Begin a commit that all parts add to."""
        self.commit = Commit()
        for part in (self.registry, self.outbox, self.inflight, self.log):
            part.commit = self.commit

    def ledger_blob(self) -> bytes:
        """Return the ledger as one blob: totals, and the totals of the last `account` entry."""
        return msgspec.msgpack.encode([self.ledger.totals, self.ledger.accounted()])


def decode_ledger(blob: bytes) -> Ledger:
    """Return the ledger that ``State.ledger_blob`` wrote."""
    totals, accounted = msgspec.msgpack.decode(blob)
    return Ledger(totals, accounted)
