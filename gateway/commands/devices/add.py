"""`sluice device add`: one device from options, or many from a list, all of them or none; and the sheet of their claim codes.

Codes and keys are told once. So the file of a sheet is made before anything is registered, and what cannot be written to it is
printed: no code is lost with a full disk or a wrong name.
"""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from consent.control import ControlError
from consent.core.decide import Owner
from consent.core.languages import spoken_language
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import PolicyError
from consent.messages import NO_SUBJECT, JsonObject
from consent.policy_files import read_policy_files
from gateway.commands.client import call_gateway
from gateway.commands.devices.rows import NumberedRow, RowsError, line_of, read_rows
from gateway.commands.output import in_lines, save, show
from gateway.config import Installation, load_config
from gateway.errors import OperatorError, SluiceError
from gateway.files import SECRET_MODE, read_regular, reason_of, write_whole
from gateway.terminal import complain

_LARGEST_BYTES: Final = 1 << 24
_OF_A_DEVICE: Final = re.compile(r"`devices\[(?P<index>\d+)\](?:\.(?P<key>\w+))?`(?:: | )?")
_THAT_OF: Final = re.compile(r"that of `devices\[(?P<index>\d+)\]`")
_NAMED: Final = ("profile", "zone", "topic", "id", "owner", "subject")


def new_devices(args: argparse.Namespace) -> JsonObject:
    """Return the devices to add, from the options or from a file."""
    dry_run = {"dry_run": True} if args.dry_run else {}
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [_new_device(args)], **dry_run}
    if beside := [f"`--{name}`" for name in _NAMED if getattr(args, name) is not None]:
        raise OperatorError(f"{beside[0]} does not go with `--from`: each line of the file says it for its device")
    args.rows = read_rows(args.from_file, _read(args.from_file))
    return {"devices": [each.row for each in args.rows], **dry_run}


def _read(file: Path) -> bytes:
    try:
        return read_regular(file, _LARGEST_BYTES)
    except OSError as error:
        raise OperatorError(f"`{file}`: {reason_of(error)}") from error
    except ValueError as error:
        raise OperatorError("`--from`: no path can hold a zero byte") from error


def _new_device(args: argparse.Namespace) -> JsonObject:
    if args.owner is None:
        raise OperatorError("whose is it? type `--owner city`, or `--owner resident` with `--subject new` or a subject's id")
    if args.owner == Owner.RESIDENT and args.subject in (None, NO_SUBJECT):
        raise OperatorError("a resident's device has a subject: type `--subject new`, or the id of one that is known")
    row = {name: getattr(args, name) for name in _NAMED if getattr(args, name) is not None}
    return {**row, "subject": NO_SUBJECT if args.subject is None else args.subject}


def run(args: argparse.Namespace) -> int:
    """`sluice device add`: what is refused of a list names each line in the file and its topic.

    Warnings are for people, and part of the answer for programs.
    """
    if args.sheet is not None and args.dry_run:
        raise OperatorError("`--sheet` does not go with `--dry-run`: there are no codes before anything is registered")
    if args.language is not None and args.sheet is None:
        raise OperatorError("`--language` is that of a `--sheet`")
    place, params = load_config(args.config), args.params(args)
    rows: Sequence[NumberedRow] | None = args.rows if args.from_file is not None else None
    with _made(args.sheet):
        try:
            answer = call_gateway(place, args.method, params, reading=args.dry_run)
        except (ControlError, SluiceError) as error:
            faults = error.lines or (str(error),)
            if not any(_OF_A_DEVICE.match(fault) for fault in faults):
                raise
            raise RowsError([_by_line(args.from_file, rows, fault) for fault in faults]) from error
    if args.dry_run:
        count = answer["checked"]
        show(args, answer, f"{count} {'device' if count == 1 else 'devices'} could be registered; nothing has changed\n")
    else:
        show(args, answer, in_lines({"devices": _with_places(args.from_file is not None, params["devices"], answer["devices"])}))
    for warning in [] if args.json else answer.get("warnings", []):
        complain(f"warning: {_by_line(args.from_file, rows, warning)}")
    if args.sheet is not None:
        _write_sheet(args, place, params["devices"], answer)
    return 0


def _with_places(from_file: bool, rows: Sequence[JsonObject], added: Sequence[JsonObject]) -> list[JsonObject]:
    """Return the devices for people: of a list each with its topic, and its id behind a hub, or nobody knows which is which."""
    if not from_file:
        return list(added)
    places = ({name: row[name] for name in ("topic", "id") if row.get(name)} for row in rows)
    return [{**place, **each} for place, each in zip(places, added, strict=True)]


def _by_line(file: Path, rows: Sequence[NumberedRow] | None, said: str) -> str:
    """Return what is said of a device of a request with the line of the file that it stands in; of one from options, alone."""
    found = _OF_A_DEVICE.match(said)
    if found is None:
        return said
    key = f"`{found['key']}` " if found["key"] else ""
    if rows is None:
        return f"{key}{said[found.end() :]}"
    of, known = rows[int(found["index"])], rows
    rest = _THAT_OF.sub(lambda other: f"that of line {known[int(other['index'])].number}", said[found.end() :])
    return f"{line_of(file, of.number, of.row)}: {key}{rest}"


# the sheet


@contextmanager
def _made(file: Path | None) -> Iterator[None]:
    """Have the sheet's file made, empty; it goes again where nothing is registered.

    Raises: OperatorError: it is there already, or cannot be made.
    """
    if file is not None:
        save(file, b"")
    try:
        yield
    except BaseException:
        if file is not None:
            with contextlib.suppress(OSError):
                file.unlink()
        raise


def _write_sheet(args: argparse.Namespace, place: Installation, rows: Sequence[JsonObject], answer: JsonObject) -> None:
    """Write the codes that were told to the file that was made for them."""
    from gateway.commands.devices.sheet import (  # its sentences: no other command waits for them
        Card,
        SheetCity,
        claim_address,
        sheet,
    )

    policies = _policies_of(place)
    language = spoken_language(() if policies is None else policies.city.languages, "", args.language or "")
    cards = [
        Card(
            code=added["claim_code"],
            profile=_title(policies, language, "profile", row["profile"]),
            zone=_title(policies, language, "zone", row["zone"]),
            topic=row["topic"],
            hub_id=row.get("id", ""),
            subject=added["subject"],
        )
        for row, added in zip(rows, answer["devices"], strict=True)
        if "claim_code" in added
    ]
    city = (
        None if policies is None else SheetCity(policies.city.name, policies.city.contact, policies.city.data_protection_officer)
    )
    try:
        page = sheet(cards, city, language, answer.get("code_days", 0), claim_address(place.config.portal.address or ""))
        write_whole(args.sheet, page.encode(), SECRET_MODE)
    except OSError as error:
        raise OperatorError(
            f"`{args.sheet}`: {reason_of(error)}; the devices are registered, and their codes stand above"
        ) from error
    complain(f"`{args.sheet}`: {len(cards)} {'card' if len(cards) == 1 else 'cards'}, each for one household alone")


def _policies_of(place: Installation) -> PolicySet | None:
    """Return the policies of the folder, for their titles; None where they cannot be read, and ids have to do."""

    try:
        return parse_policies(read_policy_files(place.policies))
    except PolicyError:
        return None


def _title(policies: PolicySet | None, language: str, kind: str, name: str) -> str:
    if policies is None:
        return name
    things = policies.profiles if kind == "profile" else policies.zones
    titles = things[name].title if name in things else {}
    return titles.get(language, name)
