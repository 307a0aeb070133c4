"""`sluice recipient open`: bundles from files, or from a broker until interrupted.

Records go to standard output, everything else to standard error, so that the output stays data.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from consent.printable import printable
from gateway.audit.log.notes import KeyFormatError, Verifier
from gateway.audit.verify.anchors import AnchorError, read_key
from gateway.files import read_regular, reason_of
from gateway.recipient.coverage import Coverage, CoverageError, CoverageVerdict
from gateway.recipient.inbox import KEPT_CHECKPOINT, Inbox
from gateway.recipient.keys import load_private
from gateway.recipient.opening import OpenedBundle, json_records, open_bundle, readable_records
from gateway.recipient.voids import void_text
from gateway.recipient.wire import MAX_BUNDLE_BYTES, MAX_LOG_INDEX, Address, BundleError
from gateway.terminal import complain

SECURE_MQTT_PORT: Final = 8883
"""The port that IANA names secure-mqtt."""
_UNCHECKED: Final = (
    "warning: without `--log` and `--log-key` nothing shows that what comes is the gateway's: "
    "anyone who has your public key, or may publish, can make such bundles"
)
_LARGEST_PASSWORD_BYTES: Final = 1 << 16


class UsageError(ValueError):
    """Options that do not go together, or name something unusable. The message is one line."""


def open_files(args: argparse.Namespace) -> int:
    """Open the bundles in files and print their records; return the exit status."""
    if not args.files:
        raise UsageError("name bundle files to open, or listen to a broker with `--follow`")
    key, coverage = _key(args), coverage_of(args)
    status, seen = 0, dict[tuple[Address, int], bytes]()
    try:
        if coverage is not None:
            coverage.refresh()
    except CoverageError as error:
        complain(str(error))
        return 1
    opened = 0
    for path in args.files:
        try:
            bundle = _open_file(path, key, coverage)
        except (BundleError, CoverageError) as error:
            complain(f"`{path}`: {error}")
            status = 1
            continue
        opened += 1
        before = seen.setdefault((bundle.address, bundle.log_index), bundle.sha256)
        if before is bundle.sha256:
            _print_bundle(bundle, as_json=args.json)
        elif before != bundle.sha256:
            complain(f"`{path}`: log index `{bundle.log_index}` came before with other bytes; not printed")
            status = 1
    if opened and coverage is None:
        complain(_UNCHECKED)
    return status


def _open_file(path: Path, key: X25519PrivateKey | None, coverage: Coverage | None) -> OpenedBundle:
    try:
        data = read_regular(path, MAX_BUNDLE_BYTES)
    except OSError as error:
        raise UsageError(f"`{path}`: cannot be read: {reason_of(error)}") from error
    bundle = open_bundle(data, key, _named_index(path))
    if coverage is not None:
        verdict = coverage.check(bundle.address.log_origin, bundle.log_index, bundle.sha256)
        if verdict is not CoverageVerdict.COVERED:
            raise CoverageError(f"kept aside at log index `{bundle.log_index}`: {verdict.value}")
        void = coverage.voided([bundle.log_index]).get(bundle.log_index)
        if void is not None:
            raise CoverageError(f"kept aside at log index `{bundle.log_index}`: {void_text(void)}")
    return bundle


def _named_index(path: Path) -> int | None:
    """Return the log index that a file is named by; None where it has another name."""
    named = path.name.removesuffix(".bundle")
    return int(named) if named.isascii() and named.isdecimal() and int(named) <= MAX_LOG_INDEX else None


def follow_broker(args: argparse.Namespace) -> int:
    """Receive bundles until interrupted; return the exit status."""
    from gateway.recipient.broker import BrokerAddress, Subscription, TlsError, tls_context
    from gateway.recipient.follow import follow

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
    try:
        tls = tls_context(args.ca_file) if _wants_tls(args, port) else None
    except TlsError as error:
        raise UsageError(f"`--ca-file`: {error}") from error
    broker = BrokerAddress(host, port, args.username, _password(args.password_file), tls)
    subscription = Subscription(args.gateway, args.recipient, args.client_id)
    status = 0

    def report_finding(line: str) -> None:
        nonlocal status
        status = 1
        complain(line)

    try:
        inbox = Inbox(args.into, _key(args), coverage_of(args, args.into / KEPT_CHECKPOINT), report_finding)
    except OSError as error:
        raise UsageError(f"`{args.into}`: {reason_of(error)}") from error
    if args.log is None:
        complain(_UNCHECKED)

    async def listen() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await follow(broker, subscription, inbox, lambda bundle: _print_bundle(bundle, as_json=args.json), complain, stop)

    asyncio.run(listen())
    return status


def _wants_tls(args: argparse.Namespace, port: int) -> bool:
    if args.tls is False and args.ca_file is not None:
        raise UsageError("`--no-tls` and `--ca-file` do not go together")
    return bool(args.tls) or args.ca_file is not None or (args.tls is None and port == SECURE_MQTT_PORT)


def _key(args: argparse.Namespace) -> X25519PrivateKey | None:
    return None if args.key is None else load_private(args.key)


def coverage_of(args: argparse.Namespace, kept: Path | None = None) -> Coverage | None:
    """Return the log that `--log` and `--log-key` name; None without them.

    Args:
        kept: The file in which the latest checkpoint is saved; None where it need not outlast the process.
    """
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
    if not colon or not host or not port.isascii() or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65_536:
        raise UsageError(f"broker `{text}` is not of the form HOST:PORT")
    return host.strip("[]"), int(port)


def _password(path: Path | None) -> str | None:
    try:
        return None if path is None else read_regular(path, _LARGEST_PASSWORD_BYTES).decode().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}`: the password cannot be read") from error


def _print_bundle(bundle: OpenedBundle, *, as_json: bool) -> None:
    if as_json:
        for values in json_records(bundle):
            print_json(values)
    else:
        for line in readable_records(bundle):
            print(printable(line))
    sys.stdout.flush()


def print_json(values: Any) -> None:
    """Print JSON values as one line."""
    print(msgspec.json.encode(values).decode())
