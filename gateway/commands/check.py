"""`sluice check`: reads what the gateway would read and tries out every case and example, without starting anything.

With a policies folder alone it needs no gateway: a city can keep its policies in a repository of its own and check each change
there. What it looks for beyond what the gateway refuses to read stands in ``gateway.check``; what was found is told by
``check_report``.
"""

from __future__ import annotations

import argparse
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from consent.control import ControlClient, ControlError
from consent.core.cases.cases import CaseResult, try_case
from consent.core.cases.parse import read_cases
from consent.core.decide import Owner
from consent.core.policies.fingerprint import fingerprint
from consent.core.policies.parse import DEVICES
from consent.core.policies.policy import CITY_FILE, PolicySet, Recipient
from consent.core.policies.use import KEY as USED
from consent.core.review.unsaid import unsaid_in, without_a_sign
from consent.core.review.warnings import Note, Weight, notes_on
from consent.core.toml.file import TomlFile
from consent.errors import ControlRequestError, PolicyError
from consent.policy_files import read_case_files, read_policy_files, unused_profiles
from consent.shipped_profiles import is_shipped
from gateway.check.brokers import Found
from gateway.check.fault import Fault
from gateway.check.filters import overlapping_filters, unheard_devices, unheard_examples
from gateway.check.spread import ExpectedError, expected_errors, homes_in, notes_on_errors, uses
from gateway.check.terms import code_faults, faults_in, notes_in
from gateway.commands.check_report import Checked, as_json, as_junit, as_text
from gateway.commands.client import call_gateway
from gateway.config import Installation, load_config
from gateway.core.examples.compare import ExampleResult, try_example
from gateway.core.examples.example import Example, read_examples
from gateway.edge.broker_terms import BrokerTerms
from gateway.edge.policies import load_keys, parse_compilable, refuse_unknown_sink
from gateway.errors import CorruptionError, KeyFileError, OperatorError, SluiceError
from gateway.terminal import complain

_STATUS_S = 5.0
_OF_UNITS = (".unit", ".properties")
"""How keys end in which policies name a unit, or what has to have the same."""
_MOST_NAMED = 5


def run(args: argparse.Namespace) -> int:
    """Check, report, and return the exit status.

    Raises: OperatorError: the options do not fit each other.
    """
    if args.policies is None and args.sinks is not None:
        raise OperatorError("`--sinks` goes with `--policies`: a gateway's own are in its configuration")
    checked = check_gateway(args.config) if args.policies is None else check_folder(args.policies, args.sinks)
    if args.junit is not None:
        args.junit.write_bytes(as_junit(checked))
    print(as_json(checked) if args.json else as_text(checked), end="")
    for fault in checked.faults:
        complain(fault)
    return checked.exit_status


def check_gateway(config: Path) -> Checked:
    """Check a gateway's configuration and keys, and its policies with them; a fault of the one hides none of the other."""
    from gateway.check.installation import faults_of, notes_of

    try:
        place = load_config(config)
    except OperatorError as error:
        return Checked((str(config),), faults=(Fault.of_configuration(error, str(config)),))
    faults = tuple(faults_of(place))
    checked = Checked(())
    if place.policies.is_dir():  # or it is among the faults
        checked = check_folder(place.policies, place.config.sink)
    filters = place.config.broker.filters
    notes = (*overlapping_filters(place.file.name, filters), *checked.notes, *notes_of(place))
    notes += tuple(unheard_examples(filters, _own_examples(checked)))
    errors = checked.errors
    if not faults:
        found, devices = _found_while_running(place)
        notes += (*unheard_devices(place.file.name, devices), *_notes_on_brokers(place, found))
        if found is None:
            devices, faults = _devices_at_rest(place)
        errors, more = _errors_of_homes(checked, devices)
        notes += (*more, *_signs_wanted(checked, devices))
    files = (*checked.files, place.file.name)
    return replace(checked, files=files, faults=(*faults, *checked.faults), notes=notes, errors=errors)


def _own_examples(checked: Checked) -> Iterator[Example]:
    """Yield the examples of the city's own files: those that come with the program name topics of no city."""
    texts = {} if checked.policies is None else checked.policies.files
    shipped = {path for path, text in texts.items() if is_shipped(PurePosixPath(path).stem, text)}
    yield from (result.example for result in checked.examples if result.example.file not in shipped)


def _notes_on_brokers(place: Installation, found: Found | None) -> Iterator[Note]:
    from gateway.check.brokers import notes_on_brokers

    yield from notes_on_brokers(place, found)


def _errors_of_homes(
    checked: Checked, devices: Sequence[Mapping[str, Any]]
) -> tuple[tuple[ExpectedError, ...], tuple[Note, ...]]:
    """Return the errors of figures about the homes that a gateway has, and what is to be noted of them; examples without any."""
    homes = homes_in(devices)
    if checked.policies is None or not homes:
        return checked.errors, ()
    errors = tuple(expected_errors(checked.policies, homes))
    return errors, tuple(notes_on_errors(errors))


def _signs_wanted(checked: Checked, devices: Sequence[Mapping[str, Any]]) -> Iterator[Note]:
    if checked.policies is not None:
        at = ((Owner(each["owner"]), (each["zone"], each["profile"])) for each in devices)
        yield from without_a_sign(checked.policies, at)


def _devices_at_rest(place: Installation) -> tuple[Sequence[Mapping[str, Any]], tuple[Fault, ...]]:
    """Return the devices in the registry of a gateway that does not run, none where it cannot be read; and why no start could."""
    if not place.database.exists():
        return [], ()
    try:
        devices: Sequence[Mapping[str, Any]] = call_gateway(place, "device.list", {}, reading=True)["devices"]
    except (KeyFileError, CorruptionError) as error:
        key = "keys_folder" if isinstance(error, KeyFileError) else "state_folder"
        return [], (Fault.at(place.file.name, key, str(error)),)
    except (SluiceError, ControlError, ControlRequestError):
        return [], ()
    return devices, ()


def _found_while_running(place: Installation) -> tuple[Found | None, Sequence[Mapping[str, Any]]]:
    """Return what a running gateway has found out about its brokers, None where none runs; and the devices of its registry."""
    try:
        with ControlClient(place.control_socket, _STATUS_S) as client:
            shown, listed = client.call("status"), client.call("device.list")
    except (ControlError, ControlRequestError) as error:
        if isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
            return None, []
        reason = "the running gateway does not answer, and to ask would end its connection"
        return dict.fromkeys(["broker", *(f"sink.{name}" for name in place.config.sink)], reason), []
    told = {"broker": shown["broker"], **{f"sink.{name}": sink for name, sink in shown["sinks"].items()}}
    return {key: _terms(connection) for key, connection in told.items()}, listed["devices"]


def _terms(connection: Mapping[str, Any]) -> BrokerTerms | str:
    if connection["ids_bound"] is None and not connection["connected"]:
        return f"the running gateway is not connected to it: {connection['problem'] or 'it has not tried yet'}"
    return BrokerTerms(ids_bound=connection["ids_bound"], retains=connection.get("retains"))


def check_folder(folder: Path, sinks: Container[str] | None) -> Checked:
    """Check a policies folder, its cases, and the examples of its device profiles.

    Args:
        folder: The policies.
        sinks: Names of the configured sinks. None where no gateway is near: then recipients may have any sink, and a key that
            is not there is noted and no fault.
    """
    files: tuple[str, ...] = ()
    texts: dict[str, bytes] = {}
    try:
        texts, cases = read_policy_files(folder), read_case_files(folder)
        files = (*texts, *cases)
        policies = parse_compilable(texts)
    except PolicyError as fault:
        units = tuple(code_faults(texts)) if fault.key.endswith(_OF_UNITS) else ()  # it fits no other because it is none
        return Checked(files, faults=units or (Fault.of_policies(fault),))
    faults = [*map(Fault.of_policies, policies.refusals()), *faults_in(policies)]
    notes = [*notes_on(policies), *unsaid_in(policies), *(() if faults else notes_in(policies)), *_not_in_force(folder, texts)]
    keys: dict[str, str] = {}
    for recipient in policies.recipients.values():
        if sinks is None and _lacks_key(folder, recipient):
            notes.append(_key_wanted(recipient))
            continue
        try:
            if sinks is not None:
                refuse_unknown_sink(recipient, sinks)
            if recipient.public_key_file is not None:
                keys[recipient.id] = fingerprint(load_keys(folder, recipient))
        except PolicyError as fault:
            faults.append(Fault.of_policies(fault))
    notes += _shared_keys(keys)
    outcomes, examples = _try_cases(cases, policies, faults), _try_examples(policies, faults)
    return Checked(
        files,
        policies,
        dict(sorted(keys.items())),
        tuple(faults),
        tuple(outcomes),
        tuple(notes),
        tuple(examples),
        tuple(uses(policies)),
        tuple(expected_errors(policies, [])),
    )


def _try_cases(cases: Mapping[str, bytes], policies: PolicySet, faults: list[Fault]) -> list[CaseResult]:
    """Return what becomes of each case; what cannot be read joins the faults."""
    outcomes: list[CaseResult] = []
    for path, data in cases.items():
        try:
            outcomes += [try_case(policies, case) for case in read_cases(path, data, policies)]
        except PolicyError as fault:
            faults.append(Fault.of_policies(fault))
    return outcomes


def _try_examples(policies: PolicySet, faults: list[Fault]) -> list[ExampleResult]:
    """Return what becomes of each example of each device profile; what cannot be read joins the faults."""
    outcomes: list[ExampleResult] = []
    for profile in policies.profiles.values():
        path = f"{DEVICES}/{profile.id}.toml"
        try:
            examples = read_examples(TomlFile(path, policies.files[path]), profile)
            outcomes += [try_example(example, profile, policies.properties) for example in examples]
        except PolicyError as fault:
            faults.append(Fault.of_policies(fault))
    return outcomes


def _not_in_force(folder: Path, texts: Mapping[str, bytes]) -> Iterator[Note]:
    """Yield a note where profiles lie in the folder that the city does not use; nothing else would tell of a name left out."""
    names = unused_profiles(folder, texts)
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield Note(Weight.NOTE, CITY_FILE, USED, f"does not name {shown}{more} of `{DEVICES}/`: not in force, and not checked")


def _shared_keys(keys: Mapping[str, str]) -> Iterator[Note]:
    """Yield a warning for each recipient whose key an earlier one has too; a copy of the wrong file is easily made."""
    holder: dict[str, str] = {}
    for recipient, shown in sorted(keys.items()):
        others = [holder.setdefault(each, recipient) for each in shown.split(" + ")]
        if (other := next((one for one in others if one != recipient), None)) is not None:
            said = f"is the key of `{other}` too: each can open what is for the other"
            yield Note(Weight.WARNING, CITY_FILE, f"recipient.{recipient}.public_key_file", said)


def _lacks_key(folder: Path, recipient: Recipient) -> bool:
    """Return whether a recipient's key is to be in a file that is not there; a link that leads nowhere is a fault of its own."""
    return any(not (folder / file).is_symlink() and not (folder / file).exists() for file in recipient.key_files)


def _key_wanted(recipient: Recipient) -> Note:
    said = f"there is no `{', '.join(recipient.key_files)}` here; a gateway needs it before these policies can be in force"
    return Note(Weight.NOTE, CITY_FILE, f"recipient.{recipient.id}.public_key_file", said)
