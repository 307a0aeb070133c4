"""`sluice recipient keygen`, `fingerprint`, `open` and `missing`: what a recipient runs, on its own machine, without a gateway.

Exit status: 0 success; 1 a bundle does not open, is not covered by the log, or was lost; 2 a key, file or option is wrong.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path

from consent.printable import printable
from gateway.recipient.coverage import Coverage, CoverageError
from gateway.recipient.keys import RecipientKeyError, generate, load_fingerprint
from gateway.recipient.missing import Completeness, Held, completeness
from gateway.recipient.open_command import NO_CHECKPOINT, UsageError, coverage_of, follow_broker, open_files, print_json
from gateway.recipient.opening import BundleCounter
from gateway.recipient.stored import StoredBundles
from gateway.recipient.wire import BundleError, decode_frame
from gateway.terminal import complain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice recipient`; `run` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="recipient_command", required=True, metavar="COMMAND")
    keygen = commands.add_parser("keygen", help="make a key pair", description="Make a key pair.", allow_abbrev=False)
    keygen.add_argument("target", type=Path, metavar="DIR_OR_FILE", help="a folder, or the name of the private key file")
    keygen.add_argument("--public", type=Path, metavar="DIR_OR_FILE", help="where the public half goes instead: the policies")
    keygen.add_argument("--json", action="store_true", help="print JSON")
    text = "show the fingerprint of a key, computed from it"
    telling = commands.add_parser("fingerprint", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    telling.add_argument("file", type=Path, metavar="FILE", help="a public key, or a private one for that of its public key")
    telling.add_argument("--json", action="store_true", help="print JSON")
    text = "open bundles and print their records"
    _add_opening(commands.add_parser("open", help=text, description=f"{text.capitalize()}.", allow_abbrev=False))
    text = "tell which bundles never came, by their counters and the log"
    missing = commands.add_parser("missing", help=text, description=f"{text.capitalize()}.", allow_abbrev=False)
    missing.add_argument("--into", type=Path, default=Path("bundles"), metavar="DIR", help="where bundles lie (default: bundles)")
    missing.add_argument("--log", type=Path, required=True, metavar="DIR", help="the gateway's public log")
    missing.add_argument("--log-key", required=True, metavar="VKEY", help="the log's public key, or a file that holds it")
    missing.add_argument("--json", action="store_true", help="print JSON")


def _add_opening(opening: argparse.ArgumentParser) -> None:
    opening.add_argument("files", type=Path, nargs="*", metavar="FILE", help="bundles as received")
    opening.add_argument("--key", type=Path, metavar="KEYFILE", help="the private key; not needed for open data")
    opening.add_argument("--log", type=Path, metavar="DIR", help="the gateway's public log: hand on only what it covers")
    opening.add_argument("--log-key", metavar="VKEY", help="the log's public key, or a file that holds it")
    opening.add_argument("--json", action="store_true", help="print one JSON object a line")
    follow = opening.add_argument_group("listening to a broker")
    follow.add_argument("--follow", action="store_true", help="receive bundles until interrupted")
    follow.add_argument("--broker", metavar="HOST:PORT", help="the city's broker")
    follow.add_argument("--gateway", metavar="ID", help="the gateway's id")
    follow.add_argument("--recipient", metavar="ID", help="the recipient's id")
    follow.add_argument("--into", type=Path, default=Path("bundles"), metavar="DIR", help="where bundles lie (default: bundles)")
    follow.add_argument("--client-id", metavar="ID", help="MQTT client id, where several listen for the same recipient")
    follow.add_argument("--username", metavar="NAME", help="user at the broker")
    follow.add_argument("--password-file", type=Path, metavar="FILE", help="file with the password at the broker")
    follow.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        help="encrypt, and check the broker's certificate; without saying, at port 8883 and with `--ca-file`",
    )
    follow.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust, not the system's; turns TLS on")


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
        if coverage.refresh() is None:
            raise UsageError(f"`{args.log}`: {NO_CHECKPOINT}: without the log nothing tells what is missing")
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
        raise UsageError(f"`{folder}`: {(error.strerror or str(error)).lower()}") from error
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
