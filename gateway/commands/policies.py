"""`sluice policy`: what is collected, why and for whom."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any

from consent.core.review.endings import Endings, endings_text
from consent.messages import FlowOf, KeyShown, Nothing, PolicyApplied, PolicyChange, decode, encode
from consent.printable import as_lines, printable
from gateway.commands.client import ask, call_gateway
from gateway.commands.output import show, utc
from gateway.commands.parser import Parser, Verbs, group, method, verb, with_language
from gateway.config import CONFIG_FILE, CONFIG_VARIABLE, Installation, load_config
from gateway.errors import OperatorError
from gateway.files import refuse_anothers

TEXT_WIDTH = 100
APPLY_S = 180.0
"""How long to wait for policies to be checked, behind others that are, and put in force."""


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "policy", "what is collected, why and for whom")
    applying = method(noun, "policy.apply", "put the policies folder in force", PolicyChange, run=apply)
    applying.add_argument(
        "--accept",
        nargs="?",
        const=True,
        default=False,
        metavar="PROPOSAL",
        help="also where a case fails, something rises or consents end; where a dry run's proposal is named, that one alone",
    )
    applying.add_argument("--dry-run", action="store_true", help="change nothing, and tell what would happen")
    method(noun, "policy.show", "show which policies are in force, and the fingerprints of keys", Nothing)
    explaining = method(noun, "policy.explain", "say what leaves of a device or subject by a flow, and why", FlowOf, run=explain)
    explaining.add_argument("who", metavar="DEVICE|SUBJECT", help="the id of either")
    explaining.add_argument("flow", metavar="FLOW", help="a flow, as `policy show` lists it")
    with_language(explaining, "language of the explanation")
    explaining.add_argument("--resident", metavar="ID", help="who asks, where the subject has several residents")
    diff = verb(noun, "diff", "say who would be revealed more or less", _difference)
    diff.add_argument("old", metavar="OLD", help="a policies folder, or in-force for what the gateway has")
    diff.add_argument("new", metavar="NEW", help="the same")
    diff.add_argument("--accept", action="store_true", help="exit with 0 also where something rises")
    diff.add_argument(
        "--config", type=Path, metavar="FILE", help=f"whose subjects to count (default: ${CONFIG_VARIABLE}, or {CONFIG_FILE})"
    )
    diff.add_argument("--json", action="store_true", help="print JSON")
    migrate = verb(noun, "migrate", "show, or make, the edits that this version asks for", _migrate)
    migrate.add_argument("folder", type=Path, metavar="FOLDER", help="a policies folder")
    migrate.add_argument("--write", action="store_true", help="make the edits that are shown")
    migrate.add_argument("--json", action="store_true", help="print JSON")


def _migrate(args: argparse.Namespace) -> int:
    """`sluice policy migrate`: 1 where an edit is left to make, or to make by hand."""
    from consent.core.migrations.migrations import migrate
    from consent.errors import PolicyError
    from consent.policy_files import read_policy_files
    from gateway.edge.policies import parse_compilable, rewrite

    folder: Path = args.folder
    try:
        files = read_policy_files(folder)
        migrated = migrate(files)
        parse_compilable(migrated.files)  # proves that the result reads, before anything is written
    except PolicyError as error:
        raise OperatorError(f"`{folder}`: {error}") from error
    written = bool(args.write and migrated.edits)
    if written:
        refuse_anothers(folder)
        rewrite(folder, {path: data for path, data in migrated.files.items() if data != files[path]})
    show(args, migrated.as_data(written=written), migrated.as_text(files, written=written))
    return 1 if migrated.by_hand or (migrated.edits and not written) else 0


def apply(args: argparse.Namespace) -> int:
    """`sluice policy apply`: 1 where the policies are refused, or would be."""
    from gateway.commands.policy_diff import difference_text

    place, params = load_config(args.config), args.params(args)
    answer = call_gateway(place, args.method, params, APPLY_S, accept=args.accept, reading=args.dry_run)
    applied = decode(encode(answer), PolicyApplied)
    difference = difference_text({"changes": answer["rises"], "rules": answer["rules"]})
    show(args, answer, _applied_text(applied) + difference + _what_to_type(place, applied))
    return 1 if applied.refused else 0


def _applied_text(applied: PolicyApplied) -> str:
    """Return what came into force or would, and what the operator has to know of it, but for the rises."""
    named, ends = f"policies {applied.sha256.hex()}", applied.ends
    if applied.log_index is None:
        would = "would be refused without `--accept`" if applied.refused else "would come into force"
        lines = [f"{named} {would}; nothing has changed"]
    else:
        lines = [f"{named} in force, log index {applied.log_index}"]
    lines += [_key_text(key) for key in applied.keys]
    lines += [str(each) for each in (*applied.failed, *applied.failed_examples)]
    if ends.consents:
        lines.append(endings_text(Endings(ends.consents, ends.subjects, ends.flows)))
    return as_lines(lines)


def _what_to_type(place: Installation, applied: PolicyApplied) -> str:
    """Return how exactly what a dry run has told is put in force."""
    if applied.log_index is not None:
        return ""
    command = place.command("policy", "apply", "--accept", applied.proposal)
    return f"proposal {applied.proposal}: `{command}` puts this in force, and nothing else\n"


def _key_text(key: KeyShown) -> str:
    now, before = key.fingerprint or "none", key.before or "none"
    return f"key of `{key.recipient}`: {now if now == before else f'now {now}, before {before}'}"


def _difference(args: argparse.Namespace) -> int:
    from gateway.commands.policy_diff import difference

    return difference(args)


def explain(args: argparse.Namespace) -> int:
    """`sluice policy explain`."""
    answer = ask(args)
    show(args, answer, "\n".join(outcome_text(outcome) for outcome in answer["outcomes"]))
    return 0


def outcome_text(outcome: dict[str, Any]) -> str:
    """Return the sentences, then what they rest on."""
    from consent.core.explain.phrases import Phrases

    say = Phrases(outcome["language"]).say
    rows = [(note["text"]["axis"], note["text"]["summary"]) for note in outcome["axes"]]
    entries = [say("row.policy", index=outcome["policy_entry"])]
    entries += [say("row.consent", index=index) for index in outcome["consent_entries"]]
    rows.append((say("row.entries"), ", ".join(entries)))
    if outcome["expires_ms"] is not None:
        rows.append((say("row.until"), utc(outcome["expires_ms"])))
    for each in outcome["devices"]:
        device, since_ms = each["device"], each["since_ms"]
        told = device if since_ms is None else say("row.since", device=device, time=utc(since_ms))
        rows.append((say("row.device"), told))
    width = max(len(label) for label, _ in rows)
    lines = [printable(f"  {label:<{width}}  {text}") for label, text in rows]
    return "\n".join([textwrap.fill(printable(outcome["text"]), TEXT_WIDTH), "", *lines, ""])
