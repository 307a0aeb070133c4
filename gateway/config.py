"""The gateway's configuration file, in TOML: where things lie, which brokers to use, how often to do what.

The structs are the manual: each field says what it is for, its unit and its default, and ``docs/configuration.md`` is made
from them. What citizens decide stands in policies, never here. Paths are relative to the file's folder.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import Meta, Struct

from consent.core.toml.file import TomlFile, refusal
from consent.errors import PolicyError
from consent.instants import parse_utc_ms
from gateway.core.mqtt.topics import refuse_overlap
from gateway.errors import OperatorError
from gateway.files import read_regular, reason_of, refuse_anothers
from gateway.recipient.wire import TOPIC_PREFIX


class ConfigError(OperatorError):
    """The configuration cannot be used."""


class ConfigFileError(ConfigError):
    """The configuration file cannot be used.

    Attributes:
        file: As it was named.
        key: Dotted path of the key at fault; empty where it is the whole file.
        message: What is wrong and what to do, in one line.
    """

    def __init__(self, fault: PolicyError) -> None:
        """Take the fault as a reader of TOML names it."""
        self.file, self.key, self.message = fault.file, fault.key, fault.message
        super().__init__(str(fault))


CONFIG_FILE: Final = Path("/etc/sluice/gateway.toml")
"""The configuration of a machine's gateway, where nothing says otherwise."""
CONFIG_VARIABLE: Final = "SLUICE_CONFIG"
_LARGEST_BYTES: Final = 1 << 20

Port = Annotated[int, Meta(ge=1, le=65535)]
_NAME: Final = "1 to 63 lower-case letters, digits, points and hyphens, the first a letter or digit"
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}\Z", description=_NAME)]


_PATH_PATTERN: Final = r"^(?:[^\x00-\x1f\x7f/]{0,255}/)*[^\x00-\x1f\x7f/]{0,255}\Z"
_PATH: Final = "a path without control characters, each name at most 255 long"
PathText = Annotated[str, Meta(pattern=_PATH_PATTERN, description=_PATH)]
_HOST_PATTERN: Final = r"^(?:[^\s\x00-\x1f/:@\[\]]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%\w+)?)\Z"
Host = Annotated[str, Meta(pattern=_HOST_PATTERN, description="the name or address of a host, without scheme and port")]
UserName = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+\Z", description="a name without control characters")]


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Connection(_Section, frozen=True, kw_only=True):
    """How to reach an MQTT 5 broker.

    Attributes:
        host: Name or address.
        port: TCP port.
        user: User name, where the broker asks for one; of this connection alone, since a broker may go by it.
        password_file: File with the password, mode 0600.
        tls: Encrypt the connection and check the broker's certificate.
        ca_file: Certificates to trust instead of the system's.
        certificate_file: Our own certificate chain, where the broker asks for one.
        private_key_file: Its key, where that is not in the same file.
        reconnect_s: The longest wait between two attempts to reach it; waits begin under a second and double.
    """

    host: Host = "127.0.0.1"
    port: Port = 1883
    user: UserName | None = None
    password_file: PathText | None = None
    tls: bool = False
    ca_file: PathText | None = None
    certificate_file: PathText | None = None
    private_key_file: PathText | None = None
    reconnect_s: Annotated[int, Meta(ge=1, le=3600)] = 30


class Broker(Connection, frozen=True, kw_only=True):
    """The local broker that the sensors publish to.

    Attributes:
        filters: What to subscribe to; must not match our own topics under `sluice/`. The same in all of a shared group.
        receive_maximum: How many unacknowledged messages to ask for at once.
        shared_group: Receive as one of several gateways that divide the messages among them.
        keep_alive_s: The longest silence; pings go out at half of it.
    """

    filters: Annotated[tuple[str, ...], Meta(min_length=1)]
    receive_maximum: Annotated[int, Meta(ge=1, le=65535)] = 1000
    shared_group: Annotated[str, Meta(pattern=r"^[^/+#]+\Z", description="text without `/`, `+` and `#`")] | None = None
    keep_alive_s: Annotated[int, Meta(ge=5, le=65535)] = 60

    def __post_init__(self) -> None:
        """Refuse filters that MQTT does not know, or that would feed the gateway its own bundles."""
        if shared := next((each for each in self.filters if each.startswith("$share/")), None):
            raise ValueError(f"`filters`: `{shared}` names a group: leave the filter alone, and name the group in `shared_group`")
        try:
            refuse_overlap(self.filters, [f"{TOPIC_PREFIX}/#"])
        except ValueError as error:
            raise ValueError(f"`filters`: {error}") from error


class MqttSinkSettings(Connection, frozen=True, kw_only=True, tag_field="kind", tag="mqtt"):
    """An MQTT 5 broker that passes bundles on to the recipients behind it."""


SinkSettings = MqttSinkSettings
"""Where bundles go, told apart by ``kind``: with a second kind, the union of both."""

SINK_KINDS: Final = tuple(str(kind.__struct_config__.tag) for kind in get_args(SinkSettings) or (SinkSettings,))
"""The first is that of a table without ``kind``."""


class Batches(_Section, frozen=True, kw_only=True):
    """How readings are committed.

    Attributes:
        commit_ms: The longest that a reading waits for others to be committed with: wear of the card against latency. A batch
            is committed sooner where as many wait as the broker may have in flight. Changes of consent never wait for it. A
            reading without a time of its own is dated when its batch is taken.
        frames: Most frames in a batch.
    """

    commit_ms: Annotated[int, Meta(ge=0, le=10_000)] = 250
    frames: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class WindowSettings(_Section, frozen=True, kw_only=True):
    """How windows end.

    Attributes:
        lateness_s: How long after a window's end its readings are still taken; never under 2 s of real time.
    """

    lateness_s: Annotated[int, Meta(ge=0, le=86_400)] = 900


class Release(_Section, frozen=True, kw_only=True):
    """How bundles leave.

    Attributes:
        tick_ms: How often bundles are formed; part of the privacy, since it hides when readings come.
        checkpoint_ms: The least time between two published checkpoints; a withdrawal has its own at once. Six times as long where
            nothing was released or changed, and only readings came.
        outbox_rows: How many rows of records may wait for absent recipients before intake pauses.
        contributions: How many contributions may stand in windows before intake pauses.
    """

    tick_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 10_000
    checkpoint_ms: Annotated[int, Meta(ge=50, le=3_600_000)] = 10_000
    outbox_rows: Annotated[int, Meta(ge=10)] = 200_000
    contributions: Annotated[int, Meta(ge=1000)] = 1_000_000


class Audit(_Section, frozen=True, kw_only=True):
    """The transparency log.

    Attributes:
        log_folder: The published log, static files that any web server can serve; relative to the state folder.
        openings_folder: Openings for accredited auditors, relative to the state folder; empty: none are exported.
        heartbeat_s: The longest time between two published checkpoints, also where nothing happens: a log that is silent for
            longer is withheld, or its gateway is away.
        witness_policy: The witnesses and their quorum, in the format of C2SP tlog-policy; none: nobody witnesses the log.
        witness_ca_file: Certificates to trust for witnesses, instead of the system's.
        openings_days: For how long openings of releases and accounts are kept, and those of consents after their last release.
    """

    log_folder: PathText = "log"
    openings_folder: PathText = ""
    heartbeat_s: Annotated[int, Meta(ge=10, le=86_400)] = 600
    witness_policy: PathText | None = None
    witness_ca_file: PathText | None = None
    openings_days: Annotated[int, Meta(ge=1, le=36_500)] = 90


class Clock(_Section, frozen=True, kw_only=True):
    """A simulated clock, for replays and the demo: now = start + rate × (Unix time − at).

    Attributes:
        simulated: Must be true for the rest to count; stated in the log's first entry and in every status.
        start: Simulated time, as `2026-05-01T00:00:00Z`.
        at: Unix time in seconds at which the simulated clock stands at `start`.
        rate: Simulated seconds in a second; 0: time stands until `clock.advance`.
    """

    simulated: bool = False
    start: str | None = None
    at: Annotated[float, Meta(ge=0, le=100_000_000_000)] | None = None
    rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 1.0

    def __post_init__(self) -> None:
        """Refuse a simulated clock without a start."""
        if self.simulated:
            if self.start is None:
                raise ValueError("`start`: is missing: say when simulated time begins")
            try:
                parse_utc_ms(self.start)
            except ValueError as error:
                raise ValueError(f"`start`: {error}") from error


class Portal(_Section, frozen=True, kw_only=True):
    """Where citizens come in.

    Attributes:
        address: How people reach the portal, as in the portal's own file: `https://sensors.ribera.example`. Passkeys are made for
            this host alone, so whoever changes it ends them all. None: nobody comes in over the portal.
    """

    address: (
        Annotated[
            str,
            Meta(
                pattern=r"^(https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?)\Z",
                description="`https:` with a name of a host, or `http://localhost`, without a slash at its end",
            ),
        ]
        | None
    ) = None


class Metrics(_Section, frozen=True, kw_only=True):
    """What is told of the gateway over HTTP, on this machine alone: `/healthz`, `/readyz`, and `/metrics` for Prometheus.

    Attributes:
        port: Port on 127.0.0.1; 0: none.
    """

    port: Annotated[int, Meta(ge=0, le=65535)] = 0


class Config(_Section, frozen=True, kw_only=True):
    """The whole file: which gateway this is, and where its things lie.

    Attributes:
        gateway: This gateway's id: part of topics and bundles, and of the log's origin.
        state_folder: Database, and by default the log.
        keys_folder: What `sluice keys init` made.
        policies_folder: The policies that `sluice policy apply` puts in force.
        runtime_folder: Where `control.sock` is, and `portal/portal.sock` for the group too; by default the state folder.
        broker: Where the sensors publish.
        sink: Where bundles go, by the name that policies give the sink.
    """

    gateway: Name
    state_folder: PathText = "state"
    keys_folder: PathText = "keys"
    policies_folder: PathText = "policies"
    runtime_folder: PathText = ""
    broker: Broker
    sink: dict[str, SinkSettings] = {}
    batches: Batches = Batches()
    windows: WindowSettings = WindowSettings()
    release: Release = Release()
    audit: Audit = Audit()
    clock: Clock = Clock()
    metrics: Metrics = Metrics()
    portal: Portal = Portal()


class Installation:
    """A configuration with its paths made whole."""

    def __init__(self, config: Config, file: Path) -> None:
        """Resolve every path against the folder of the file."""
        self.config = config
        self.file = file
        self.folder = folder = file.resolve().parent
        self.state = folder / config.state_folder
        self.keys = folder / config.keys_folder
        self.policies = folder / config.policies_folder
        self.runtime = folder / config.runtime_folder if config.runtime_folder else self.state
        self.log = self.state / config.audit.log_folder
        self.openings = self.state / config.audit.openings_folder if config.audit.openings_folder else None
        self.control_socket = self.runtime / "control.sock"
        self.portal_socket = self.runtime / "portal" / "portal.sock"  # in a folder of its own, which the portal's user may enter
        self.database = self.state / "sluice.db"

    def command(self, *words: str) -> str:
        """Return the command line of this gateway, to be typed in any folder."""
        named = [] if self.file == CONFIG_FILE and not os.environ.get(CONFIG_VARIABLE) else ["--config", str(self.file.resolve())]
        return shlex.join(["sluice", *words, *named])

    def refuse_another_user(self, *others: Path) -> None:
        """Refuse to write as anybody but the gateway's user, before anything is written.

        That is whose database it is, also in a folder that several users share, or that a container mounts; and before there is
        one, whose state folder it is.

        Args:
            others: What is to be written beside what every run writes: state, control socket, log and openings.
        Raises: AnothersFolderError: one of the folders belongs to another user.
        """
        for folder in (self.state, self.runtime, self.log, self.openings or self.state, *others):
            refuse_anothers(self.database if folder == self.state else folder)

    def path(self, relative: str | None) -> Path | None:
        """Return a configured path, or None where there is none."""
        return None if relative is None else self.folder / relative


def configured_file() -> Path:
    """Return the configuration to use where a command names none: the one of the environment, or the machine's."""
    return Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)


def load_config(file: Path) -> Installation:
    """Read a configuration file.

    Raises: ConfigError: it is absent, no TOML, or says something that it cannot; the line names file and key.
    """
    try:
        tables = TomlFile(str(file), _read(file)).tables
    except PolicyError as error:
        raise ConfigFileError(error) from error
    _name_kinds(file, tables)
    try:
        config = msgspec.convert(tables, Config, builtin_types=(datetime, date, time, Decimal), str_keys=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ConfigFileError(PolicyError(str(file), *refusal(tables, Config, error))) from error
    for where, connection in (("broker", config.broker), *((f"sink.{name}", sink) for name, sink in config.sink.items())):
        _check_connection(file, where, connection)
    place = Installation(config, file)
    for key, message in _mixed_folders(place):
        raise _fault(file, key, message)
    return place


def _read(file: Path) -> bytes:
    try:
        return read_regular(file, _LARGEST_BYTES)
    except FileNotFoundError as error:
        here = Path(CONFIG_FILE.name)
        named = f"`--config {here}`, which is in this folder" if here.is_file() else f"`--config` or `{CONFIG_VARIABLE}`"
        raise _fault(file, "", f"no such file; name the configuration with {named}") from error
    except PermissionError as error:
        raise _fault(file, "", "may not be read by this user; type the command as the gateway's user or as root") from error
    except OSError as error:
        raise _fault(file, "", reason_of(error)) from error
    except ValueError as error:  # a path with a NUL
        raise ConfigError("`--config`: no path can hold a zero byte") from error


def _fault(file: Path, key: str, message: str) -> ConfigFileError:
    return ConfigFileError(PolicyError(str(file), key, message))


def _name_kinds(file: Path, tables: dict[str, Any]) -> None:
    """Write the kind of each sink that does not say its own into its table, and refuse kinds that nobody knows."""
    sinks = tables.get("sink")
    for name, sink in sinks.items() if isinstance(sinks, dict) else ():
        if not isinstance(sink, dict):
            continue  # refused as what it is
        kind = sink.setdefault("kind", SINK_KINDS[0])
        if kind not in SINK_KINDS:
            known = ", ".join(f"`{each}`" for each in SINK_KINDS)
            raise _fault(file, f"sink.{name}.kind", f"unknown kind `{kind}`; known: {known}")


def _check_connection(file: Path, where: str, connection: Connection) -> None:
    """Refuse what would be passed over in silence, such as certificates for a connection that is not encrypted."""
    if connection.password_file is not None and connection.user is None:
        raise _fault(file, f"{where}.password_file", "a password without a user; name the account at `user`")
    for key in ("ca_file", "certificate_file", "private_key_file"):
        if getattr(connection, key) is not None and not connection.tls:
            raise _fault(file, f"{where}.{key}", "needs `tls = true`, without which the connection is not encrypted")


def _mixed_folders(place: Installation) -> Iterator[tuple[str, str]]:
    """Yield each folder that would show, to those who may read it, what another one is to keep from them.

    The log is for everyone and openings are for auditors; policies are a text that people copy. So none of them may hold the
    database, keys or, but for their own folder, openings.
    """
    config = place.config
    kept = {"state_folder": place.state, "keys_folder": place.keys, "runtime_folder": place.runtime}
    secrets = [(f"{where}.{key}", path) for where, key, path in _secret_files(place)]
    shown = {"audit.log_folder": (place.log, "for everyone"), "policies_folder": (place.policies, "for everyone")}
    if place.openings is not None:
        shown["audit.openings_folder"] = (place.openings, "for auditors")
    for key, (folder, whom) in shown.items():
        hidden = [*kept.items(), *secrets]
        if place.openings is not None and key != "audit.openings_folder":
            hidden.append(("audit.openings_folder", place.openings))
        for other, path in hidden:
            if other == "runtime_folder" and not config.runtime_folder:
                continue  # the state's, which is told by its own key
            if path.resolve().is_relative_to(folder.resolve()):
                yield key, f"`{folder}` is {whom} to read, and would hold `{other}`, `{path}`: give it a folder of its own"


def _secret_files(place: Installation) -> Iterator[tuple[str, str, Path]]:
    config = place.config
    for where, connection in (("broker", config.broker), *((f"sink.{name}", sink) for name, sink in config.sink.items())):
        for key in ("password_file", "private_key_file"):
            if (path := place.path(getattr(connection, key))) is not None:
                yield where, key, path
