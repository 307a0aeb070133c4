"""The `sluice` command: its verbs and their options, and the one place where failures become a line and an exit status.

Exit status: 0 well; 1 a finding; 2 usage or configuration; 3 our own records disagree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from consent.core.languages import LANGUAGES
from gateway.audit import arguments as auditing
from gateway.commands import client, consents, devices, gateway, keys
from gateway.errors import SluiceError

Parser = argparse.ArgumentParser


def build_parser() -> Parser:
    """Return the parser of every command."""
    parser = Parser(prog="sluice", description="The gate between a city's sensors and the city's databases.", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    _gateway_verbs(verbs)
    _keys_verbs(verbs)
    _policy_verbs(verbs)
    _device_verbs(verbs)
    _consent_verbs(verbs)
    _subject_verbs(verbs)
    _backup_verbs(verbs)
    _clock_verbs(verbs)
    _audit_verbs(verbs)
    _other_rooms(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    args = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)
        return error.exit_status
    except UnicodeError:
        print("sluice: an argument or file is not utf-8", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        print(f"sluice: {where}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2


def _add(verbs: argparse._SubParsersAction[Parser], name: str, text: str) -> Parser:
    return verbs.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False)


def _verb(verbs: argparse._SubParsersAction[Parser], name: str, text: str, run: Callable[[argparse.Namespace], int]) -> Parser:
    parser = _add(verbs, name, text)
    parser.set_defaults(run=run)
    return parser


def _with_config(parser: Parser, *, prints: bool = True) -> Parser:
    parser.add_argument(
        "--config", type=Path, default=client.DEFAULT_CONFIG, metavar="FILE", help="configuration (default: %(default)s)"
    )
    if prints:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _group(verbs: argparse._SubParsersAction[Parser], name: str, text: str) -> argparse._SubParsersAction[Parser]:
    return _add(verbs, name, text).add_subparsers(dest=f"{name}_verb", required=True, metavar="COMMAND")


def _method(
    verbs: argparse._SubParsersAction[Parser],
    name: str,
    text: str,
    method: str,
    params: Callable[[argparse.Namespace], dict[str, object]],
) -> Parser:
    parser = _with_config(_verb(verbs, name, text, client.one_call))
    parser.set_defaults(method=method, params=params)
    return parser


def _gateway_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    run = _with_config(_verb(verbs, "run", "run the gateway", gateway.run), prints=False)
    run.add_argument("--unwitnessed", action="store_true", help="sign and release without waiting for a witness; the log says so")
    _with_config(_verb(verbs, "status", "show the running gateway on one screen", gateway.status))
    check = _with_config(_verb(verbs, "check", "check configuration, keys, policies and their cases", gateway.check))
    check.add_argument("--policies", type=Path, metavar="DIR", help="check this policies folder alone, with no gateway")
    check.add_argument("--junit", type=Path, metavar="FILE", help="write what was found as JUnit XML too")


def _keys_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "keys", "the gateway's own keys")
    _with_config(_verb(group, "init", "make the root key and the log's key", keys.keys_init))


def _policy_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "policy", "what is collected, why and for whom")
    _method(group, "apply", "put the policies folder in force", "policy.apply", lambda _: {})
    _method(group, "show", "say which policies are in force", "policy.show", lambda _: {})
    explain = _with_config(_verb(group, "explain", "say what leaves of a device or subject by a flow, and why", _policy_explain))
    explain.add_argument("who", metavar="DEVICE|SUBJECT", help="the id of either")
    explain.add_argument("flow", metavar="FLOW", help="a flow, as `policy show` lists it")
    explain.add_argument("--language", metavar="CODE", help="en, es or pt (default: the first of the city's)")
    explain.add_argument("--resident", metavar="ID", help="who asks, where the subject has several residents")
    diff = _verb(group, "diff", "say who would be revealed more or less", _policy_diff)
    diff.add_argument("old", metavar="OLD", help="a policies folder, or in-force for what the gateway has")
    diff.add_argument("new", metavar="NEW", help="the same")
    diff.add_argument("--accept", action="store_true", help="exit with 0 also where something rises")
    diff.add_argument("--config", type=Path, metavar="FILE", help="whose subjects to count (default: gateway.toml)")
    diff.add_argument("--json", action="store_true", help="print JSON")


def _policy_explain(args: argparse.Namespace) -> int:
    """`sluice policy explain`."""
    from gateway.commands.policies import explain

    return explain(args)


def _policy_diff(args: argparse.Namespace) -> int:
    """`sluice policy diff`."""
    from gateway.commands.policies import difference

    return difference(args)


def _device_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "device", "the registry of devices")
    add = _method(group, "add", "register devices, and print new ids and keys once", "device.add", devices.device_params)
    add.add_argument("--profile", metavar="CLASS", help="device class, as in policies/devices")
    add.add_argument("--zone", metavar="ZONE", help="block where it stands")
    add.add_argument("--topic", metavar="TOPIC", help="topic that it publishes to")
    add.add_argument("--subject", default="none", metavar="new|ID|none", help="whose it is (default: none, the city's own)")
    add.add_argument(
        "--from",
        dest="from_file",
        type=Path,
        metavar="FILE",
        help="many devices, one JSON object a line: profile, zone, topic, subject",
    )
    _method(group, "list", "list devices by their random ids", "device.list", lambda _: {})
    revoke = _method(group, "revoke", "strike a device off the register", "device.revoke", lambda args: {"device": args.device})
    revoke.add_argument("device", metavar="ID", help="as `device list` shows it")


def _consent_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "consent", "what citizens permit")
    grant = _who(_method(group, "grant", "permit a flow or purpose, up to limits", "consent.grant", consents.grant_params))
    grant.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="AXIS=VALUE",
        help="no more than that, e.g. time=4h, space=city, precision.LAeq=1, group=20",
    )
    grant.add_argument("--expiry", metavar="TIME", help="until when, e.g. 2027-01-01T00:00:00Z")
    _who(_method(group, "request", "ask for a flow or purpose", "consent.request", consents.who_params))
    _who(_method(group, "refuse", "say no to what is not permitted", "consent.refuse", consents.who_params))
    _who(_method(group, "pause", "stop for a while", "consent.pause", consents.who_params))
    _who(_method(group, "resume", "let what is paused go on as it was", "consent.resume", consents.who_params))
    _who(_method(group, "withdraw", "take back what was permitted", "consent.withdraw", consents.who_params))
    revoke = _who(_method(group, "revoke", "end a consent by another's authority", "consent.revoke", consents.revoke_params))
    revoke.add_argument("--authority", required=True, metavar="TEXT", help="who ends it, and on what ground")
    receipt = _who(_with_config(_verb(group, "receipt", "write a receipt of what was said", consents.consent_receipt)))
    receipt.add_argument("--log-index", type=int, metavar="INDEX", help="of which record (default: the latest about the scope)")
    receipt.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: print it)")
    checked = _verb(group, "check-receipt", "check a receipt, offline", consents.consent_check_receipt)
    checked.add_argument("file", type=Path, metavar="FILE", help="the receipt")
    checked.add_argument("--key", required=True, metavar="VKEY", help="the log's public key, or a file that holds it")
    checked.add_argument("--json", action="store_true", help="print JSON")
    show = _method(
        group,
        "show",
        "show what counts for a subject, and all that was said",
        "consent.show",
        lambda args: {"subject": args.subject},
    )
    show.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    _rights_verbs(group)


def _rights_verbs(group: argparse._SubParsersAction[Parser]) -> None:
    from gateway.commands import rights

    export = _with_config(_verb(group, "export", "give out everything that is held about a subject", rights.export), prints=False)
    export.add_argument("--out", type=Path, metavar="FILE", help="write it there, for its owner alone")
    releases = _with_config(_verb(group, "releases", "list every release that contained a subject", rights.releases))
    erase = _with_config(_verb(group, "erase", "erase a subject: nothing of it is kept", rights.erase))
    erase.add_argument("--yes", action="store_true", help="do not ask again")
    for verb in (export, releases, erase):
        verb.add_argument("subject", metavar="SUBJECT", help="the subject's id")


def _backup_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    from gateway.commands import rights

    backup = _with_config(_verb(verbs, "backup", "write a backup of the database, also while the gateway runs", rights.backup))
    backup.add_argument("file", type=Path, metavar="FILE", help="must not exist")
    restore = _with_config(
        _verb(verbs, "restore", "bring a backup up to date with the published log, and put it in place", rights.restore)
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="what `sluice backup` wrote")
    restore.add_argument("--openings", type=Path, metavar="DIR", help="openings of the entries since (default: as configured)")
    restore.add_argument("--replace", action="store_true", help="put it in the place of a database that is there")


def _subject_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "subject", "households: residents, claim codes, messages")
    show = _method(group, "show", "show residents, devices and messages", "subject.show", consents.subject_params)
    show.add_argument("--language", default="en", choices=LANGUAGES, help="of the messages (default: en)")
    code = _method(group, "code", "make a claim code, printed once", "subject.code", consents.subject_params)
    code.add_argument(
        "--resident", metavar="ID", help="for a resident who lost code or credential, which then end (default: somebody new)"
    )
    for verb in (show, code):
        verb.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    claim = _method(group, "claim", "use a claim code", "subject.claim", consents.subject_params)
    claim.add_argument("code", metavar="CODE", help="as the crew left it")
    claim.add_argument("--subject", metavar="ID", help="bring the code's device into this household")
    leave = _method(group, "leave", "let a resident go", "subject.leave", consents.subject_params)
    leave.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    leave.add_argument("resident", metavar="RESIDENT", help="the resident's id")


def _who(parser: Parser) -> Parser:
    parser.add_argument("subject", metavar="SUBJECT", help="the subject's id")
    parser.add_argument("scope", metavar="SCOPE", help="a flow, or purpose:ID for every flow of a purpose")
    parser.add_argument("--resident", metavar="ID", help="who speaks, where the subject has several residents")
    return parser


def _clock_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "clock", "the simulated clock")
    advance = _method(
        group, "advance", "set a standing simulated clock forward and run one tick", "clock.advance", lambda args: {"to": args.to}
    )
    advance.add_argument("to", metavar="TIME", help="to when, e.g. 2026-05-01T13:00:00Z")


def _audit_verbs(verbs: argparse._SubParsersAction[Parser]) -> None:
    group = _group(verbs, "audit", "check a log, on any machine")
    auditing.add_verbs(group)


def _other_rooms(verbs: argparse._SubParsersAction[Parser]) -> None:
    """Verbs whose rooms bring their own options."""
    from firmware_sim import command as sim
    from gateway import demo
    from gateway.recipient import command as recipient
    from gateway.witness import command as witness

    for name, text, room in (
        ("recipient", "the other end: make keys, open bundles", recipient),
        ("witness", "watch over other gateways' logs, and cosign their checkpoints", witness),
        ("sim", "simulated devices", sim),
        ("demo", "a whole small city on this machine, with a verified audit at the end", demo),
    ):
        room.add_arguments(_verb(verbs, name, text, room.run))


if __name__ == "__main__":
    sys.exit(main())
