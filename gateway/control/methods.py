"""The control methods: one table of what can be asked, by whom, and what it needs of the gateway.

A handler runs between two steps of the loop, so it sees and leaves a whole state; its answer is given once the change is
committed. It refuses by an error, having changed nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from consent.citizen_messages import (
    ActProved,
    ActWanted,
    AnswersChanged,
    CodeConfirmed,
    CodeLooked,
    CodeTyped,
    ConsentProposed,
    ConsentProved,
    ConsentWanted,
    CredentialRecorded,
    HomeShown,
    InviteMade,
    LessWanted,
    Mine,
    MineIn,
    Nobody,
    OwnReadings,
    PaperMade,
    PaperTyped,
    PasskeyAdded,
    PasskeyNamed,
    ProofWanted,
    QuestionOf,
    Questions,
    QuestionShown,
    ReadingsAfter,
    RegistrationChallenge,
    RequestNamed,
    RequestOutcome,
    SessionNamed,
    SessionOpened,
    SessionsEnded,
    SignIn,
    SignInChallenge,
)
from consent.control import LINE_BYTES
from consent.device_messages import (
    DeviceList,
    DeviceOf,
    DeviceOwned,
    DeviceOwner,
    DeviceRevoked,
    DevicesAdded,
    DeviceShown,
    Discover,
    Discovered,
    NewDevices,
)
from consent.messages import (
    BackedUp,
    BackupTo,
    Claimed,
    ClockAt,
    ClockTo,
    CodeFor,
    CodeMade,
    CodeUsed,
    ConsentChanged,
    ConsentsOf,
    ConsentsShown,
    FlowExplained,
    FlowOf,
    GatewayStatus,
    Grant,
    KeyRotated,
    KeyRotation,
    KeysStatus,
    Nothing,
    Parameters,
    PolicyApplied,
    PolicyChange,
    PolicyDiff,
    PolicyShown,
    PolicySides,
    ReceiptMade,
    ReceiptOf,
    ReleasesTold,
    ResidentLeft,
    ResidentOf,
    Result,
    Revocation,
    ScopeOf,
    SubjectErased,
    SubjectExport,
    SubjectIn,
    SubjectOf,
    SubjectShown,
    Word,
)
from consent.public_messages import (
    DayOf,
    EntryAt,
    EntryTold,
    PlaceOn,
    PlaceTold,
    PublicBalance,
    PublicFlows,
    PublicSensors,
    PublicState,
)
from gateway.control import backup, clock, consents, devices, discovery, keys, policies, rights, status, subjects
from gateway.control.citizens import answers, claims, credentials, home, questions, readings, requests, sessions
from gateway.control.context import Door
from gateway.control.public import entry, numbers
from gateway.control.public import state as public_state

Handler = Callable[..., Result | Awaitable[Result]]
"""(control, caller, parameters, what was prepared if anything) → answer, at once or once the database has been read."""
Preparation = Callable[..., Awaitable[object]]
"""(control, parameters) → what the handler gets besides; it changes nothing."""
Completion = Callable[..., Awaitable[Result]]
"""(control, answer) → the answer that is given."""

SHORT_BYTES = 64 * 1024
"""The longest parameters of a method that says nothing else."""
FOLDERS_BYTES = 4 * 1024 * 1024
"""Two policy sets, each as long as any may be, in base64, with the recipients' keys."""


@dataclass(frozen=True, slots=True)
class Method:
    """What can be asked.

    Attributes:
        name: As requests name it: a noun and what is done with it.
        handler: Does the work.
        params: The struct that it takes.
        answer: The struct that it answers.
        prepare: What is done before, while the loop goes on; None where nothing is.
        finish: What is done before it is answered, once it is committed and while the loop goes on; None where nothing is.
        doors: Through which it may be called.
        reads_store: Whether it waits for the database; the loop waits for it, so that nothing changes in between.
        uses_reserve: Whether it says who may see what: on a full disk it gets the room that is set aside, and so does what waits
            before it.
        ticks: Whether it is answered only after a release tick.
        while_waiting: Whether it is answered also while a commit waits for room on the disk.
        at_once: Whether it is answered without waiting for the loop's turn, since it reads only what stands between two hours.
        once: Whether it changes something in a citizen's name, and is carried out once for each id of a request.
        is_long: Whether its answer grows with the city, and is therefore encoded in another thread.
        longest_bytes: The longest parameters, as JSON.
    """

    name: str
    handler: Handler
    params: type[Parameters]
    answer: type[Result]
    doors: Door = Door.SHELL
    prepare: Preparation | None = None
    finish: Completion | None = None
    reads_store: bool = False
    uses_reserve: bool = False
    ticks: bool = False
    while_waiting: bool = False
    at_once: bool = False
    once: bool = False
    is_long: bool = False
    longest_bytes: int = SHORT_BYTES

    @property
    def summary(self) -> str:
        """Return in one line what it does."""
        return (self.handler.__doc__ or "").partition("\n")[0]


BOTH = Door.SHELL | Door.CITIZEN
COMING_IN = Door.PUBLIC | Door.CITIZEN
CITIZEN = Door.CITIZEN
ALSO_PUBLIC = Door.SHELL | Door.PUBLIC

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("status", status.show, Nothing, GatewayStatus, prepare=status.count, while_waiting=True),
        Method("policy.apply", policies.apply, PolicyChange, PolicyApplied, prepare=policies.reviewed, uses_reserve=True),
        Method("policy.show", policies.show, Nothing, PolicyShown, BOTH),
        Method("policy.explain", policies.explain_flow, FlowOf, FlowExplained, BOTH),
        Method("policy.diff", policies.diff, PolicySides, PolicyDiff, prepare=policies.compared, longest_bytes=FOLDERS_BYTES),
        Method("device.add", devices.add, NewDevices, DevicesAdded, longest_bytes=LINE_BYTES),
        Method("device.list", devices.show_all, Nothing, DeviceList, prepare=devices.looked_at, is_long=True),
        Method("device.show", devices.show, DeviceOf, DeviceShown),
        Method("device.discover", discovery.discover, Discover, Discovered, prepare=discovery.prepare),
        Method("device.own", devices.own, DeviceOwner, DeviceOwned, uses_reserve=True),
        Method("device.revoke", devices.revoke, DeviceOf, DeviceRevoked, uses_reserve=True),
        Method("subject.show", subjects.show, SubjectIn, SubjectShown, BOTH, reads_store=True),
        Method("subject.code", subjects.code, CodeFor, CodeMade),
        Method("subject.claim", subjects.claim, CodeUsed, Claimed, uses_reserve=True),
        Method("subject.leave", subjects.leave, ResidentOf, ResidentLeft, uses_reserve=True),
        Method("consent.request", consents.request, ScopeOf, ConsentChanged, uses_reserve=True),
        Method("consent.grant", consents.grant, Grant, ConsentChanged, uses_reserve=True),
        Method("consent.refuse", consents.refuse, Word, ConsentChanged, uses_reserve=True),
        Method("consent.pause", consents.pause, Word, ConsentChanged, uses_reserve=True),
        Method("consent.resume", consents.resume, Word, ConsentChanged, uses_reserve=True),
        Method("consent.withdraw", consents.withdraw, Word, ConsentChanged, uses_reserve=True),
        Method("consent.revoke", consents.revoke, Revocation, ConsentChanged, uses_reserve=True),
        Method("consent.show", consents.show, ConsentsOf, ConsentsShown, BOTH, reads_store=True),
        Method("consent.receipt", consents.receipt, ReceiptOf, ReceiptMade, BOTH, reads_store=True),
        Method("consent.export", rights.export, SubjectOf, SubjectExport, BOTH, prepare=rights.search, reads_store=True),
        Method("consent.releases", rights.releases, SubjectOf, ReleasesTold, BOTH, prepare=rights.search, reads_store=True),
        Method(
            "consent.erase", rights.erase, SubjectOf, SubjectErased, finish=rights.scrubbed, reads_store=True, uses_reserve=True
        ),
        Method("backup", backup.backup, BackupTo, BackedUp, prepare=backup.write),
        Method("keys.rotate", keys.rotate, KeyRotation, KeyRotated, reads_store=True),
        Method("keys.status", keys.show, Nothing, KeysStatus, reads_store=True),
        Method("clock.advance", clock.advance, ClockTo, ClockAt, ticks=True),
        Method("claim.look", claims.look, CodeTyped, CodeLooked, COMING_IN),
        Method("claim.confirm", claims.confirm, CodeConfirmed, SessionOpened, COMING_IN, uses_reserve=True, once=True),
        Method("session.challenge", sessions.challenge, Nobody, SignInChallenge, Door.PUBLIC),
        Method("session.open", sessions.open_by_passkey, SignIn, SessionOpened, Door.PUBLIC, uses_reserve=True, once=True),
        Method("session.paper", sessions.open_by_paper, PaperTyped, SessionOpened, Door.PUBLIC, uses_reserve=True, once=True),
        Method("session.extend", sessions.extend, Mine, SessionOpened, CITIZEN, uses_reserve=True, once=True),
        Method("session.end", sessions.end, SessionNamed, SessionsEnded, CITIZEN, uses_reserve=True, once=True),
        Method("home.show", home.show, MineIn, HomeShown, CITIZEN, reads_store=True),
        Method("passkey.challenge", credentials.challenge, Mine, RegistrationChallenge, CITIZEN),
        Method("passkey.add", credentials.add, PasskeyAdded, CredentialRecorded, CITIZEN, uses_reserve=True, once=True),
        Method("passkey.end", credentials.end, PasskeyNamed, CredentialRecorded, CITIZEN, uses_reserve=True, once=True),
        Method("act.challenge", credentials.want, ActWanted, ProofWanted, CITIZEN),
        Method("home.invite", home.invite, ActProved, InviteMade, CITIZEN, uses_reserve=True, once=True),
        Method("home.leave", home.leave, ActProved, ResidentLeft, CITIZEN, uses_reserve=True, once=True),
        Method(
            "home.erase",
            home.erase,
            ActProved,
            SubjectErased,
            CITIZEN,
            finish=rights.scrubbed,
            reads_store=True,
            uses_reserve=True,
            once=True,
        ),
        Method("paper.replace", credentials.replace_paper, ActProved, PaperMade, CITIZEN, uses_reserve=True, once=True),
        Method("question.list", questions.list_all, MineIn, Questions, CITIZEN, reads_store=True),
        Method("question.show", questions.show, QuestionOf, QuestionShown, CITIZEN),
        Method("readings.show", readings.show, ReadingsAfter, OwnReadings, CITIZEN),
        Method("consent.propose", answers.propose, ConsentWanted, ConsentProposed, CITIZEN),
        Method("consent.prove", answers.prove, ConsentProved, AnswersChanged, CITIZEN, uses_reserve=True, once=True),
        Method("consent.less", answers.less, LessWanted, AnswersChanged, CITIZEN, uses_reserve=True, once=True),
        Method("request.outcome", requests.outcome, RequestNamed, RequestOutcome, CITIZEN),
        Method("public.state", public_state.show, Nothing, PublicState, ALSO_PUBLIC, at_once=True),
        Method("public.sensors", numbers.sensors, Nothing, PublicSensors, ALSO_PUBLIC, at_once=True),
        Method("public.flows", numbers.flows, Nothing, PublicFlows, ALSO_PUBLIC, at_once=True),
        Method("public.balance", numbers.balance, DayOf, PublicBalance, ALSO_PUBLIC, at_once=True),
        Method("public.place", numbers.place, PlaceOn, PlaceTold, ALSO_PUBLIC, at_once=True),
        Method("public.entry", entry.show, EntryAt, EntryTold, ALSO_PUBLIC, prepare=entry.read, at_once=True),
    )
}
"""Every method, by name."""
