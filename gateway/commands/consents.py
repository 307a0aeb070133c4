"""What the commands do: speak to the running gateway over its control socket, or, where none runs, do the same themselves.

Each function takes parsed arguments, prints for people or as JSON, and returns the exit status.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

from gateway.commands.output import in_lines, save, show
from gateway.config import Place, load_config
from gateway.control.socket import ControlClient
from gateway.errors import OperatorError, UnavailableError

DEFAULT_CONFIG = Path("gateway.toml")


def call_gateway(place: Place, calls: list[tuple[str, dict[str, Any]]], timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """Run control methods in the gateway, or in this process where none is running.

    Raises: SluiceError: a method is refused; what came before it stands.
    """
    try:
        client = ControlClient(place.control_socket, timeout_s)
    except UnavailableError:
        from gateway.durable.state import ended_by_the_disk

        with ended_by_the_disk(place):
            return asyncio.run(_call_offline(place, calls))
    with client:
        return [client.call(name, params) for name, params in calls]


async def _call_offline(place: Place, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    from gateway.control import methods
    from gateway.durable.state import DurableState
    from gateway.edge.clock import GatewayClock
    from gateway.edge.keys import load_keys
    from gateway.service import set_up_logging

    set_up_logging(logging.WARNING)
    durable = DurableState(place, load_keys(place.keys), GatewayClock(place.config.clock))
    await durable.start()
    try:
        return await durable.perform([partial(methods.action, durable, *call) for call in calls])
    finally:
        await durable.close()


def run(args: argparse.Namespace) -> int:
    """`sluice run`."""
    from gateway.service import run as run_service

    return run_service(load_config(args.config), unwitnessed=args.unwitnessed)


def status(args: argparse.Namespace) -> int:
    """`sluice status`."""
    from gateway.control.status import as_text

    with ControlClient(load_config(args.config).control_socket) as client:
        shown = client.call("status")
    show(args, shown, as_text(shown))
    return 3 if shown["imbalances"] else 0


def check(args: argparse.Namespace) -> int:
    """`sluice check`: configuration, keys, policies and their cases, without starting anything."""
    from gateway.commands.check import run as run_check

    return run_check(args)


def keys_init(args: argparse.Namespace) -> int:
    """`sluice keys init`."""
    from gateway.edge.keys import init_keys

    place = load_config(args.config)
    keys = init_keys(place.keys, f"sluice.{place.config.gateway}/log")
    vkey = keys.log_signer.vkey()
    text = (
        f"keys made in {place.keys}: keep a copy of root.key and log.skey where nobody else can read it\n"
        f"the log's public key, for everyone: {vkey}\n"
    )
    show(args, {"keys_folder": str(place.keys), "log_vkey": vkey}, text)
    return 0


def one_call(args: argparse.Namespace) -> int:
    """Any command that is one control method: its parameters are made by ``args.params``."""
    place = load_config(args.config)
    answer = call_gateway(place, [(args.method, args.params(args))])[0]
    show(args, answer, in_lines(answer))
    return 0


def policy_explain(args: argparse.Namespace) -> int:
    """`sluice policy explain`."""
    from gateway.commands.policies import explain

    return explain(args)


def policy_diff(args: argparse.Namespace) -> int:
    """`sluice policy diff`."""
    from gateway.commands.policies import difference

    return difference(args)


def device_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read the devices to add from the options, or from a file of JSON lines."""
    if args.from_file is None:
        if not (args.profile and args.zone and args.topic):
            raise OperatorError("name `--profile`, `--zone` and `--topic`, or a file with `--from`")
        return {"devices": [{"profile": args.profile, "zone": args.zone, "topic": args.topic, "subject": args.subject}]}
    try:
        lines = args.from_file.read_text().splitlines()
        return {"devices": [json.loads(line) for line in lines if line.strip()]}
    except OSError as error:
        raise OperatorError(f"`{args.from_file}`: {(error.strerror or 'cannot be read').lower()}") from error
    except ValueError as error:
        raise OperatorError(f"`{args.from_file}`: not one json object a line") from error


def grant_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read a grant: subject, scope, and limits given as `axis=value`, precision as `precision.<property>=step`."""
    limits: dict[str, Any] = {}
    precision: dict[str, Any] = {}
    for text in args.limit:
        axis, found, value = text.partition("=")
        if not found:
            raise OperatorError(f"`{text}` is no limit such as `time=4h`")
        name = axis.removeprefix("precision.")
        chosen = limits if name == axis else precision
        if name in chosen:
            raise OperatorError(f"`{axis}` is limited twice")
        chosen[name] = _number(value)
    if precision:
        limits["precision"] = precision
    params = {**who_params(args), "limits": limits}
    return {**params, "expiry": args.expiry} if args.expiry else params


def who_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read subject, scope and, where named, resident."""
    params = {"subject": args.subject, "scope": args.scope}
    return {**params, "resident": args.resident} if args.resident else params


def consent_receipt(args: argparse.Namespace) -> int:
    """`sluice consent receipt`: write a receipt, or print it."""
    from consent.core.receipts.canonical_json import write_receipt

    params = who_params(args)
    if args.log_index is not None:
        params["log_index"] = args.log_index
    (answer,) = call_gateway(load_config(args.config), [("consent.receipt", params)])
    receipt = write_receipt(answer["receipt"])
    if args.out is None:
        print(receipt.decode(), end="")
        return 0
    save(args.out, receipt)
    show(args, {"file": str(args.out)}, f"receipt: {args.out}\n")
    return 0


def consent_check_receipt(args: argparse.Namespace) -> int:
    """`sluice consent check-receipt`: say whether a receipt holds; 1 where it does not."""
    from consent.core.receipts.canonical_json import read_receipt
    from consent.core.receipts.check import check_receipt, record_in
    from consent.errors import RecordError
    from gateway.audit.log.notes import KeyFormatError, Verifier
    from gateway.audit.verify.anchors import read_key

    try:
        verifier = Verifier.parse(read_key(args.key))
    except KeyFormatError as error:
        raise OperatorError(f"`--key`: {error}") from error
    try:
        receipt = read_receipt(args.file.read_bytes())
        problems = check_receipt(receipt, lambda signature, message: verifier.verify_bytes(message, signature))
        consent = record_in(receipt)
    except RecordError as error:
        problems, consent = [str(error)], None
    about = "" if consent is None else f"{consent.status.value} for {consent.scope}"
    text = (
        f"receipt: {about}\n" + "".join(f"wrong: {problem}\n" for problem in problems) + ("" if problems else "all of it holds\n")
    )
    show(args, {"ok": not problems, "record": about, "problems": problems}, text)
    return 1 if problems else 0


def revoke_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read whose consent to what is revoked, and by whom."""
    return {**who_params(args), "authority": args.authority}


def subject_params(args: argparse.Namespace) -> dict[str, Any]:
    """Read whatever a command about a household names."""
    named = {name: getattr(args, name, None) for name in ("subject", "resident", "code", "language")}
    return {name: value for name, value in named.items() if value}


def _number(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if type(value) in (int, float) else text
