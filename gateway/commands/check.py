"""`sluice check`: reads what the gateway would read and tries out every case, without starting anything.

With a policies folder alone it needs no gateway: a city can keep its policies in a repository of its own and check each change
there. What was found is told by ``check_report``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from consent.control import ControlClient, ControlError
from consent.core.cases.cases import CaseResult, try_case
from consent.core.cases.parse import read_cases
from consent.core.policies.fingerprint import fingerprint
from consent.core.policies.policy import CITY_FILE, Recipient
from consent.core.review.warnings import Note, Weight, notes_on
from consent.errors import ControlRequestError, PolicyError
from consent.policy_files import read_case_files, read_policy_files
from gateway.commands.check_report import Checked, as_json, as_junit, as_text
from gateway.config import Installation, load_config
from gateway.core.mqtt.topics import covers, overlaps
from gateway.edge.broker_notes import Found
from gateway.edge.broker_terms import BrokerTerms
from gateway.edge.policies import load_key, parse_compilable, refuse_unknown_sink

_STATUS_S = 5.0


def run(args: argparse.Namespace) -> int:
    """Check, report, and return the exit status."""
    checked = check_gateway(args.config) if args.policies is None else check_folder(args.policies, None)
    if args.junit is not None:
        args.junit.write_bytes(as_junit(checked))
    print(as_json(checked) if args.json else as_text(checked), end="")
    for fault in checked.faults:
        print(f"sluice: {fault}", file=sys.stderr)
    return checked.exit_status


def check_gateway(config: Path) -> Checked:
    """Check a gateway's configuration and keys, and its policies with them.

    Raises: OperatorError: the configuration or a key of the gateway's own cannot be used.
    """
    from gateway.durable.configured import keys_of
    from gateway.edge.broker_notes import notes_on_brokers
    from gateway.edge.connections import check_connections
    from gateway.edge.witnesses.configured import configured_witnesses

    place = load_config(config)
    check_connections(place)
    configured_witnesses(place, keys_of(place).log_signer)
    checked = check_folder(place.policies, place.config.sink)
    notes = (*overlapping_filters(place.file.name, place.config.broker.filters), *checked.notes)
    notes += tuple(notes_on_brokers(place, _found_while_running(place)))
    return replace(checked, files=(*checked.files, place.file.name), notes=notes)


def _found_while_running(place: Installation) -> Found | None:
    """Return what a running gateway has found out about its brokers; None where none runs."""
    try:
        with ControlClient(place.control_socket, _STATUS_S) as client:
            shown = client.call("status")
    except (ControlError, ControlRequestError) as error:
        if isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
            return None
        reason = "the running gateway does not answer, and to ask would end its connection"
        return dict.fromkeys(["broker", *(f"sink.{name}" for name in place.config.sink)], reason)
    told = {"broker": shown["broker"], **{f"sink.{name}": sink for name, sink in shown["sinks"].items()}}
    return {key: _terms(connection) for key, connection in told.items()}


def _terms(connection: Mapping[str, Any]) -> BrokerTerms | str:
    if connection["ids_bound"] is None and not connection["connected"]:
        return f"the running gateway is not connected to it: {connection['problem'] or 'it has not tried yet'}"
    return BrokerTerms(ids_bound=connection["ids_bound"], retains=connection.get("retains"))


def overlapping_filters(file: str, filters: Sequence[str]) -> Iterator[Note]:
    """Yield a warning for each two filters of the sensors' broker that match a topic in common.

    Args:
        file: The name of the configuration.
        filters: As configured.
    """
    for one, other in overlaps(filters):
        wide, narrow = (other, one) if covers(other, one) else (one, other)
        if covers(wide, narrow):
            said = f"`{narrow}` brings nothing that `{wide}` does not: take it out"
        else:
            told = "what both match comes once for each, and counts once where the broker tells which"
            said = f"`{one}` and `{other}` overlap: {told}"
        yield Note(Weight.WARNING, file, "broker.filters", said)


def check_folder(folder: Path, sinks: Container[str] | None) -> Checked:
    """Check a policies folder and its cases.

    Args:
        folder: The policies.
        sinks: Names of the configured sinks. None where no gateway is near: then recipients may have any sink, and a key that
            is not there is noted and no fault.
    """
    files: tuple[str, ...] = ()
    try:
        texts, cases = read_policy_files(folder), read_case_files(folder)
        files = (*texts, *cases)
        policies = parse_compilable(texts)
    except PolicyError as fault:
        return Checked(files, faults=(fault,))
    notes = list(notes_on(policies))
    keys: dict[str, str] = {}
    faults = [one.as_error() for one in policies.unsupported]
    for recipient in policies.recipients.values():
        if sinks is None and _lacks_key(folder, recipient):
            notes.append(_key_wanted(recipient))
            continue
        try:
            if sinks is not None:
                refuse_unknown_sink(recipient, sinks)
            if recipient.public_key_file is not None:
                keys[recipient.id] = fingerprint(load_key(folder, recipient, recipient.public_key_file))
        except PolicyError as fault:
            faults.append(fault)
    outcomes: list[CaseResult] = []
    for path, data in cases.items():
        try:
            outcomes += [try_case(policies, case) for case in read_cases(path, data, policies)]
        except PolicyError as fault:
            faults.append(fault)
    return Checked(files, policies, dict(sorted(keys.items())), tuple(faults), tuple(outcomes), tuple(notes))


def _lacks_key(folder: Path, recipient: Recipient) -> bool:
    """Return whether a recipient's key is to be in a file that is not there; a link that leads nowhere is a fault of its own."""
    file = recipient.public_key_file
    return file is not None and not (folder / file).is_symlink() and not (folder / file).exists()


def _key_wanted(recipient: Recipient) -> Note:
    said = f"there is no `{recipient.public_key_file}` here; a gateway needs it before these policies can be in force"
    return Note(Weight.NOTE, CITY_FILE, f"recipient.{recipient.id}.public_key_file", said)
