"""`sluice recipient keygen`, `fingerprint` and `open`: what a recipient runs, on its own machine, without a gateway.

Exit status: 0 success; 1 a bundle does not open or is not covered by the log; 2 a key, file or option is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from consent.printable import printable
from gateway.audit.log.notes import KeyFormatError, Verifier
from gateway.audit.verify.anchors import AnchorError, read_key
from gateway.recipient.coverage import Coverage, CoverageError, CoverageVerdict
from gateway.recipient.inbox import KEPT_CHECKPOINT, Inbox, json_records
from gateway.recipient.keys import RecipientKeyError, generate, load_fingerprint, load_private
from gateway.recipient.opening import OpenedBundle, open_bundle
from gateway.recipient.records import Record
from gateway.recipient.voids import void_text
from gateway.recipient.wire import Address, BundleError
from gateway.terminal import complain


class UsageError(ValueError):
    """Options that do not go together, or name something unusable. The message is one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `sluice recipient`; `run` takes the parsed arguments."""
    commands = parser.add_subparsers(dest="recipient_command", required=True, metavar="COMMAND")
    keygen = commands.add_parser("keygen", help="make a key pair", description="Make a key pair.", allow_abbrev=False)
    keygen.add_argument("target", type=Path, metavar="DIR_OR_FILE", help="a folder, or the name of the private key file")
    keygen.add_argument("--json", action="store_true", help="print JSON")
    telling = commands.add_parser(
        "fingerprint",
        help="show the fingerprint of a key, computed from it",
        description="Show the fingerprint of a key, computed from it.",
        allow_abbrev=False,
    )
    telling.add_argument("file", type=Path, metavar="FILE", help="a public key, or a private one for that of its public key")
    telling.add_argument("--json", action="store_true", help="print JSON")
    opening = commands.add_parser(
        "open",
        help="open bundles and print their records",
        description="Open bundles and print their records.",
        allow_abbrev=False,
    )
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
    follow.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust; turns TLS on")


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status."""
    try:
        if args.recipient_command == "keygen":
            return _keygen(args)
        if args.recipient_command == "fingerprint":
            return _fingerprint(args)
        return _follow(args) if args.follow else _open_files(args)
    except (RecipientKeyError, UsageError) as error:
        _complain(str(error))
        return 2


def _keygen(args: argparse.Namespace) -> int:
    pair = generate(args.target)
    if args.json:
        _print_json({"private": str(pair.private_path), "public": str(pair.public_path), "fingerprint": pair.fingerprint})
    else:
        print(printable(f"private key  {pair.private_path}  (mode 0600: keep it secret, keep a copy)"))
        print(printable(f"public key   {pair.public_path}  (for `public_key_file` in the policies)"))
        print(f"fingerprint  {pair.fingerprint}")
    return 0


def _fingerprint(args: argparse.Namespace) -> int:
    found = load_fingerprint(args.file)
    if args.json:
        _print_json({"file": str(args.file), "fingerprint": found})
    else:
        print(found)
    return 0


def _open_files(args: argparse.Namespace) -> int:
    if not args.files:
        raise UsageError("name bundle files to open, or listen to a broker with `--follow`")
    key, coverage = _key(args), _coverage(args)
    status, seen = 0, dict[tuple[Address, int], bytes]()
    try:
        if coverage is not None:
            coverage.refresh()
    except CoverageError as error:
        _complain(str(error))
        return 1
    for path in args.files:
        try:
            bundle = _open_file(path, key, coverage)
        except (BundleError, CoverageError) as error:
            _complain(f"`{path}`: {error}")
            status = 1
            continue
        before = seen.setdefault((bundle.address, bundle.log_index), bundle.sha256)
        if before is bundle.sha256:
            _print_bundle(bundle, as_json=args.json)
        elif before != bundle.sha256:
            _complain(f"`{path}`: log index `{bundle.log_index}` came before with other bytes; not printed")
            status = 1
    return status


def _open_file(path: Path, key: X25519PrivateKey | None, coverage: Coverage | None) -> OpenedBundle:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"`{path}`: cannot be read: {(error.strerror or str(error)).lower()}") from error
    named = path.name.removesuffix(".bundle")
    bundle = open_bundle(data, key, int(named) if named.isascii() and named.isdecimal() else None)
    if coverage is not None:
        verdict = coverage.check(bundle.address.log_origin, bundle.log_index, bundle.sha256)
        if verdict is not CoverageVerdict.COVERED:
            raise CoverageError(f"kept aside at log index `{bundle.log_index}`: {verdict.value}")
        void = coverage.voided([bundle.log_index]).get(bundle.log_index)
        if void is not None:
            raise CoverageError(f"kept aside at log index `{bundle.log_index}`: {void_text(void)}")
    return bundle


def _follow(args: argparse.Namespace) -> int:
    from gateway.recipient.follow import BrokerAddress, Subscription, follow

    if args.files:
        raise UsageError("`--follow` takes no bundle files")
    for option in ("broker", "gateway", "recipient"):
        if getattr(args, option) is None:
            raise UsageError(f"`--follow` needs `--{option}`")
    try:
        Address(args.gateway, args.recipient, "-")
    except ValueError as error:
        raise UsageError(str(error)) from error
    host, port = _host_and_port(args.broker)
    broker = BrokerAddress(host, port, args.username, _password(args.password_file), args.ca_file)
    subscription = Subscription(args.gateway, args.recipient, args.client_id)
    findings: list[str] = []

    def report_finding(line: str) -> None:
        findings.append(line)
        _complain(line)

    try:
        inbox = Inbox(args.into, _key(args), _coverage(args, args.into / KEPT_CHECKPOINT), report_finding)
    except OSError as error:
        raise UsageError(f"`{args.into}`: {(error.strerror or str(error)).lower()}") from error

    async def listen() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await follow(broker, subscription, inbox, lambda bundle: _print_bundle(bundle, as_json=args.json), _complain, stop)

    asyncio.run(listen())
    return 1 if findings else 0


def _key(args: argparse.Namespace) -> X25519PrivateKey | None:
    return None if args.key is None else load_private(args.key)


def _coverage(args: argparse.Namespace, kept: Path | None = None) -> Coverage | None:
    if (args.log is None) != (args.log_key is None):
        raise UsageError("`--log` and `--log-key` go together")
    if args.log is None:
        return None
    try:
        return Coverage(args.log, Verifier.parse(read_key(args.log_key)), kept)
    except (AnchorError, KeyFormatError) as error:
        raise UsageError(f"`--log-key`: {error}") from error


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"broker `{text}` is not of the form HOST:PORT")
    return host.strip("[]"), int(port)


def _password(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}`: the password cannot be read") from error


def _print_bundle(bundle: OpenedBundle, *, as_json: bool) -> None:
    for record, values in zip(bundle.records, json_records(bundle), strict=True):
        if as_json:
            _print_json(values)
        else:
            print(printable(_describe(bundle.log_index, record)))
    sys.stdout.flush()


def _describe(log_index: int, record: Record) -> str:
    """Return a record as one readable line."""
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in record.phenomenon_time)
    name = record.pseudonym or record.id
    fields = [
        f"{log_index:>8}",
        begin if begin == end else f"{begin}/{end}",
        record.flow,
        f"{record.observed_property} {record.result} {record.unit}",
        record.cell,
        "" if record.n is None else f"n={record.n}",
        "" if name is None else f"{record.identity} {name.hex()}",
    ]
    return "  ".join(field for field in fields if field)


def _print_json(values: dict[str, object] | dict[str, str]) -> None:
    print(msgspec.json.encode(values).decode())


def _complain(line: str) -> None:
    complain(line)
