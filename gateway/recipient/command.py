"""`sluice recipient keygen`, `fingerprint`, `open` and `missing`: what a recipient runs, on its own machine, without a gateway.

Exit status: 0 success; 1 a bundle does not open, is not covered by the log, or was lost; 2 a key, file or option is wrong.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path

from consent.printable import printable
from gateway.files import reason_of
from gateway.recipient.coverage import Coverage, CoverageError
from gateway.recipient.keys import RecipientKeyError, generate, load_fingerprint
from gateway.recipient.missing import Completeness, Held, completeness
from gateway.recipient.open_command import UsageError, coverage_of, follow_broker, open_files, print_json
from gateway.recipient.opening import BundleCounter
from gateway.recipient.stored import StoredBundles
from gateway.recipient.wire import BundleError, decode_frame
from gateway.terminal import complain


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status."""
    commands = {"keygen": _keygen, "fingerprint": _fingerprint, "open": _open, "missing": _missing}
    try:
        return commands[args.recipient_command](args)
    except (RecipientKeyError, UsageError) as error:
        complain(str(error))
        return 2


def _open(args: argparse.Namespace) -> int:
    return follow_broker(args) if args.follow else open_files(args)


def _keygen(args: argparse.Namespace) -> int:
    pair = generate(args.target, args.public)
    if args.json:
        print_json({"private": str(pair.private_path), "public": str(pair.public_path), "fingerprint": pair.fingerprint})
    else:
        print(printable(f"private key  {pair.private_path}  (mode 0600: keep it secret, keep a copy)"))
        print(printable(f"public key   {pair.public_path}  (for `public_key_file` in the policies)"))
        print(f"fingerprint  {pair.fingerprint}")
    return 0


def _fingerprint(args: argparse.Namespace) -> int:
    found = load_fingerprint(args.file)
    if args.json:
        print_json({"file": str(args.file), "fingerprint": found})
    else:
        print(found)
    return 0


def _missing(args: argparse.Namespace) -> int:
    coverage = coverage_of(args)
    assert coverage is not None  # both options are required
    try:
        coverage.refresh()
        found, uncovered = _held(args.into, coverage)
    except CoverageError as error:
        complain(str(error))
        return 1
    if args.json:
        print_json(_completeness_json(found, uncovered))
    else:
        print(*_completeness_lines(found, uncovered), sep="\n")
    return 1 if found.lost else 0


def _held(folder: Path, coverage: Coverage) -> tuple[Completeness, int]:
    """Return how complete the sealed bundles in a folder are, and how many lie there besides them that the log does not cover."""
    bundles: list[tuple[Held, bytes]] = []
    stored, others = StoredBundles(folder), 0
    try:
        names = [each.name for each in stored.find()]
    except OSError as error:
        raise UsageError(f"`{folder}`: {reason_of(error)}") from error
    for name in names:
        data = stored.read(name) or b""
        if data.startswith(b"{"):  # open data, which has no counter
            continue
        try:
            header = decode_frame(data).header
        except BundleError:
            others += 1
            continue
        bundles.append((Held(header.log_index, BundleCounter.of(header)), sha256(data).digest()))
    releases = coverage.releases_from(min((held.log_index for held, _ in bundles), default=0))
    covered = [held for held, digest in bundles if (it := releases.get(held.log_index)) and it.bundle_sha256 == digest]
    return completeness(covered, releases), others + len(bundles) - len(covered)


def _completeness_json(found: Completeness, uncovered: int) -> dict[str, object]:
    return {
        "held": found.held,
        "content_keys": found.content_keys,
        "not_covered": uncovered,
        "missing": [each.as_json() for each in found.missing],
        "lost": found.lost,
        "most_lost": found.most_lost,
        "unnumbered": found.unnumbered,
    }


def _completeness_lines(found: Completeness, uncovered: int) -> list[str]:
    return [
        f"bundles       {found.held}",
        f"content keys  {found.content_keys}",
        f"lost          {found.lost} at least, {found.most_lost} at most",
        *(f"  {each.as_line()}" for each in found.missing),
        f"unnumbered    {found.unnumbered}  (releases in the log after the last number of a key: others', or yours and lost)",
        *([f"not covered   {uncovered}  (files that the log does not account for; not counted)"] if uncovered else []),
    ]
