"""`sluice consent` and `sluice subject`: what their options say, and receipts written and checked.

Each function takes parsed arguments; a command prints for people or as JSON, and returns the exit status.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from gateway.commands.client import call_gateway
from gateway.commands.output import save, show
from gateway.config import load_config
from gateway.errors import OperatorError


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
