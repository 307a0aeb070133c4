"""What a configuration names, looked at where it lies: folders, keys, passwords, certificates, and ports that two would hold.

Nothing is made and nothing is bound. Each fault names its key, and one fault hides no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Final

from consent.core.review.warnings import Note, Weight
from gateway.audit.log.notes import KeyFormatError, Verifier
from gateway.check.fault import Fault
from gateway.config import Installation
from gateway.durable.configured import keys_of
from gateway.edge.connections import check_tls, configured_connections, password
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.log import LOG_PUBLIC_FILE, log_origin, origin_gateway
from gateway.edge.witnesses.configured import configured_witnesses
from gateway.errors import OperatorError
from gateway.files import read_regular, reason_of, user_name

_METRICS_HOST: Final = "127.0.0.1"
_HERE: Final = frozenset({"", "localhost", "0.0.0.0", "::", "::1", "ip6-localhost", "ip6-loopback"})  # noqa: S104  a name for this host
_LARGEST_KEY_BYTES: Final = 1024
_VOLATILE: Final = Path("/run")
"""Where what is there lasts no longer than the machine or the service runs."""
_LONGEST_SOCKET_BYTES: Final = 107
"""Of the path of a Unix socket, which the kernel bounds."""
_CUSTOM: Final = {1883: False, 8883: True}
"""The ports that IANA has registered for MQTT, and whether they are for TLS."""


def faults_of(place: Installation) -> Iterator[Fault]:
    """Yield all that would keep the gateway from starting, or would make it another gateway than is meant."""
    file = place.file.name
    yield from _folder_faults(place)
    yield from (Fault.at(file, key, message) for key, message in _port_faults(place))
    for key, connection in configured_connections(place):
        for what, check in (("password_file", password), ("tls", check_tls)):
            try:
                check(place, connection)
            except OperatorError as error:
                yield Fault.at(file, f"{key}.{what}", str(error))
    yield from (Fault.at(file, key, message) for key, message in _key_faults(place))


def notes_of(place: Installation) -> Iterator[Note]:
    """Yield the folders that the gateway makes when it starts, and ports that are spoken to both in clear and encrypted."""
    file = place.file.name
    for key, path in _made_folders(place):
        if path.exists():
            continue
        if _is_made_by_the_unit(path):
            said = f"there is no `{path}` while no gateway runs: the `RuntimeDirectory` of its unit file makes it at the start"
        else:
            said = f"there is no `{path}` yet: the gateway makes it when it starts"
        yield Note(Weight.NOTE, file, key, said)
    told: set[str] = set()
    for (one, first), (other, second) in combinations(configured_connections(place), 2):
        if (_host(first.host), first.port) == (_host(second.host), second.port) and first.tls != second.tls:
            unlike = f"`{_word(first.tls)}` for `{one}`, on the same port `{first.port}`"
            yield Note(Weight.WARNING, file, f"{other}.tls", f"is `{_word(second.tls)}`, and {unlike}: few brokers take both")
            told |= {one, other}
    for key, connection in configured_connections(place):
        if key not in told and connection.tls is not _CUSTOM.get(connection.port, connection.tls):
            spoken = "without TLS" if connection.tls else "with TLS"
            said = f"is `{_word(connection.tls)}`, and on port `{connection.port}` brokers are by custom spoken to {spoken}"
            yield Note(Weight.WARNING, file, f"{key}.tls", said)


def _made_folders(place: Installation) -> Iterator[tuple[str, Path]]:
    """Yield the folders that a start makes, but those inside another of them."""
    yield "state_folder", place.state
    others = (("runtime_folder", place.runtime), ("audit.log_folder", place.log), ("audit.openings_folder", place.openings))
    for key, path in others:
        if path is not None and not path.resolve().is_relative_to(place.state.resolve()):
            yield key, path


def _folder_faults(place: Installation) -> Iterator[Fault]:
    file = place.file.name
    if not place.policies.is_dir():
        yield Fault.at(file, "policies_folder", f"there is no folder `{place.policies}`: name the one that holds `city.toml`")
    for key, path in _made_folders(place):
        nearest = path
        while not os.path.lexists(nearest):
            nearest = nearest.parent
        if not nearest.is_dir():
            yield Fault.at(file, key, f"`{nearest}` is no folder")
        elif not os.access(nearest, os.W_OK | os.X_OK) and not _is_made_by_the_unit(path):
            user = user_name(os.geteuid())
            lacks = f"there is no `{path}`, and `{user}` cannot make it: make it for"
            if nearest == path:
                lacks = f"`{user}` may not write to `{path}`: give it to"
            yield Fault.at(file, key, f"{lacks} the user that the gateway runs as, and run the check as that user")
    yield from (Fault.at(file, key, message) for key, message in _socket_fault(place))


def _is_made_by_the_unit(path: Path) -> bool:
    """Return whether a folder comes and goes with the service: systemd makes it at each start, and removes it at the stop."""
    return path.is_relative_to(_VOLATILE) and path != _VOLATILE and not os.path.lexists(path)


def _socket_fault(place: Installation) -> Iterator[tuple[str, str]]:
    length = len(os.fsencode(place.control_socket))
    if length > _LONGEST_SOCKET_BYTES:
        key = "runtime_folder" if place.config.runtime_folder else "state_folder"
        said = f"`{place.control_socket}` is {length} bytes long, and the path of a socket at most {_LONGEST_SOCKET_BYTES}"
        yield key, f"{said}: name a shorter `runtime_folder`"


def _port_faults(place: Installation) -> Iterator[tuple[str, str]]:
    """Yield each broker whose port on this host the figures would take."""
    connections, metrics = configured_connections(place), place.config.metrics.port
    for key, connection in connections:
        if metrics and connection.port == metrics and _host(connection.host) == _METRICS_HOST:
            yield "metrics.port", f"`{metrics}` is the port of `{key}` on this host: give the figures a port of their own"


def _host(name: str) -> str:
    """Return a host's name in one form, as far as that can be told without asking anybody."""
    name = name.strip().lower().strip("[]")
    return _METRICS_HOST if name in _HERE or name.startswith("127.") or name == os.uname().nodename.lower() else name


def _word(value: bool) -> str:
    return "true" if value else "false"


def _key_faults(place: Installation) -> Iterator[tuple[str, str]]:
    try:
        keys = keys_of(place)
    except OperatorError as error:
        yield "keys_folder", str(error)
        return
    made_for = origin_gateway(keys.log_signer.name)
    if made_for not in (None, place.config.gateway):
        origin = f"the log's key in `{place.keys}` was made for gateway `{made_for}`"
        yield "gateway", f"`{place.config.gateway}` is another gateway: {origin}, whose log is `{log_origin(str(made_for))}`"
    yield from (("keys_folder", message) for message in _public_half_fault(place, keys))
    try:
        configured_witnesses(place, keys.log_signer)
    except OperatorError as error:
        yield "audit.witness_policy", str(error)


def _public_half_fault(place: Installation, keys: GatewayKeys) -> Iterator[str]:
    """Yield what is wrong with the public half of the log's key, which auditors are given."""
    path = place.keys / LOG_PUBLIC_FILE
    try:
        given = Verifier.parse(read_regular(path, _LARGEST_KEY_BYTES).decode().strip())
    except FileNotFoundError:
        return  # the log's folder holds it too
    except OSError as error:
        yield f"`{path}`: cannot be read: {reason_of(error)}"
    except (KeyFormatError, ValueError):
        yield f"`{path}`: no public key of a log"
    else:
        if given.vkey() != keys.log_signer.vkey():
            yield f"`{path}`: is the public half of another key than `log.skey`: whoever is given it cannot check this log"
