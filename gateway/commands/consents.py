"""`sluice consent`: what citizens permit, and the receipts of what they said."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consent.messages import ConsentsOf, Grant, ReceiptOf, Revocation, ScopeOf, Word
from consent.printable import as_lines
from gateway.commands import rights
from gateway.commands.client import ask
from gateway.commands.output import save, show
from gateway.commands.parser import Parser, Verbs, group, method, named, verb, with_language
from gateway.errors import OperatorError

if TYPE_CHECKING:
    from consent.core.receipts.canonical_json import Json
    from gateway.audit.log.notes import Verifier

DEFAULT_RECEIPT = Path("receipt.jsonld")


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "consent", "what citizens permit")
    grant = _word(method(noun, "consent.grant", "permit a flow or purpose, up to limits", Grant, params=_grant))
    grant.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="AXIS=VALUE",
        help="no more than that, e.g. time=4h, space=city, precision.LAeq=1, group=20",
    )
    grant.add_argument("--expiry", metavar="TIME", help="until when, e.g. 2027-01-01T00:00:00Z")
    _scope(method(noun, "consent.request", "ask for a flow or purpose", ScopeOf))
    for name, text in (
        ("refuse", "say no to what is not permitted"),
        ("pause", "stop for a while"),
        ("resume", "let what is paused go on as it was"),
        ("withdraw", "take back what was permitted"),
    ):
        _word(method(noun, f"consent.{name}", text, Word))
    revoke = _scope(method(noun, "consent.revoke", "end a consent by another's authority", Revocation))
    revoke.add_argument("--authority", required=True, metavar="TEXT", help="who ends it, and on what ground")
    receipt = _scope(method(noun, "consent.receipt", "write a receipt of what was said", ReceiptOf, run=consent_receipt))
    receipt.add_argument("--log-index", type=int, metavar="INDEX", help="of which record (default: the latest about the scope)")
    receipt.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print it)")
    _readable(receipt)
    checked = verb(noun, "check-receipt", "check a receipt, offline", consent_check_receipt)
    checked.add_argument("file", type=Path, metavar="FILE", help="the receipt")
    text = "the log's public key, or a file that holds it; may be repeated, where the log has had several"
    checked.add_argument("--key", metavar="VKEY", action="append", default=[], help=text)
    checked.add_argument("--log", metavar="DIR|URL", help="follow the log from its key to those that came after it")
    _readable(checked)
    checked.add_argument("--json", action="store_true", help="print JSON")
    shown = method(noun, "consent.show", "show what counts for a subject, and all that was said", ConsentsOf)
    shown.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    with_language(shown, "language of what is said about odds")
    rights.add_verbs(noun)


def _scope(parser: Parser) -> Parser:
    parser.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    parser.add_argument("scope", metavar="SCOPE", help="a flow, or purpose:ID for every flow of a purpose")
    parser.add_argument("--resident", metavar="ID", help="who speaks, where the subject has several residents")
    return parser


def _word(parser: Parser) -> Parser:
    _scope(parser).add_argument(
        "--channel",
        choices=("operator", "counter"),
        help="how it was said: counter for what was said there, by telephone or on a form (default: operator, who does not say)",
    )
    return parser


def _readable(parser: Parser) -> Parser:
    parser.add_argument("--text", action="store_true", help="print the receipt as a page that a person understands")
    return with_language(parser, "language of that page")


def _grant(args: argparse.Namespace) -> dict[str, Any]:
    """Return a grant: its limits are given as `axis=value`, precision as `precision.<property>=step`."""
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
    return {**named(args), "limits": limits}


def consent_receipt(args: argparse.Namespace) -> int:
    """`sluice consent receipt`: write a receipt, or print it."""
    from consent.core.receipts.canonical_json import write_receipt

    receipt = ask(args)["receipt"]
    page = _page(args, receipt, args.out or DEFAULT_RECEIPT) if args.text and not args.json else ""
    if args.out is not None:
        save(args.out, write_receipt(receipt))
        show(args, {"file": str(args.out)}, page or as_lines([f"receipt: {args.out}"]))
    else:
        print(page or write_receipt(receipt).decode(), end="")
    return 0


def _page(args: argparse.Namespace, receipt: Json, file: Path, verdict: str = "") -> str:
    from consent.core.receipts.page import receipt_page

    named = shlex.quote(str(file))
    return receipt_page(receipt, locale=args.locale, asked=args.language or "", file=named, verdict=verdict)


def consent_check_receipt(args: argparse.Namespace) -> int:
    """`sluice consent check-receipt`: say whether a receipt holds; 1 where it does not."""
    from consent.core.receipts.canonical_json import LARGEST_BYTES, read_receipt
    from consent.errors import RecordError
    from gateway.files import read_regular

    if not args.key and not args.text:
        raise OperatorError("name the log's public key with `--key`, or print the receipt unchecked with `--text`")
    verifiers = _verifiers(args.key, args.log)
    about, page = "", ""
    problems: list[str] = []
    try:
        receipt = read_receipt(read_regular(args.file, LARGEST_BYTES))
        about, problems = _checked(receipt, verifiers)
        verdict = "unchecked" if not verifiers else "wrong" if problems else "checked"
        page = _page(args, receipt, args.file, verdict) if args.text else ""
    except RecordError as error:
        problems = problems or [str(error)]
    text = page or as_lines([f"receipt: {about}"] if about else [])
    text += as_lines(f"wrong: {problem}" for problem in problems) or ("" if page else "all of it holds\n")
    show(args, {"ok": None if not verifiers else not problems, "record": about, "problems": problems}, text)
    return 1 if problems else 0


def _checked(receipt: Json, verifiers: Sequence[Verifier]) -> tuple[str, list[str]]:
    """Return what a receipt is about, and what is wrong with it; nothing where there is no key to check it with."""
    from consent.core.receipts.check import check_receipt, record_in
    from consent.errors import RecordError

    problems = []
    if verifiers:
        problems = check_receipt(
            receipt, lambda signature, message: any(each.verify_bytes(message, signature) for each in verifiers)
        )
    try:
        consent = record_in(receipt)
    except RecordError as error:
        return "", problems or [str(error)]
    return f"{consent.status.value} for {consent.scope}", problems


def _verifiers(keys: Sequence[str], log: str | None) -> tuple[Verifier, ...]:
    """Return the keys that were given and, where a log is named, those to which it was handed over from them."""
    from gateway.audit.log.handover import HandoverError, LogKeys
    from gateway.audit.log.notes import KeyFormatError, Verifier
    from gateway.audit.log.reader import FileError, LogReader, LogUnreachableError
    from gateway.audit.log.remote import source_of
    from gateway.audit.verify.anchors import AnchorError, read_key

    try:
        given = [Verifier.parse(read_key(key)) for key in keys]
    except (AnchorError, KeyFormatError) as error:
        raise OperatorError(f"`--key`: {error}") from error
    if log is None:
        return tuple(given)
    try:
        handovers = LogReader(source_of(log)).handovers()
        return tuple(key for each in given for key in LogKeys.follow(each, handovers).verifiers)
    except (FileError, HandoverError, LogUnreachableError, NotADirectoryError, ValueError) as error:
        raise OperatorError(f"`--log`: {error}") from error


def _number(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if type(value) in (int, float) else text
