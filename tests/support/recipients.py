"""What the tests of bundles have in common: an address, a key pair, records, forged ones, and a gateway's log in a folder."""

from __future__ import annotations

import argparse
import math
from hashlib import sha256
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import strategies as st

from gateway.audit.log.entries import NO_CONSENT, NO_POLICY, Entry, Kind
from gateway.audit.log.folder import LogFolder
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.payloads import void_commitment
from gateway.audit.log.tiles import LogWriter
from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.arguments import add_arguments, run
from gateway.recipient.records import LATEST_TIME_MS, Record, encode_record
from gateway.recipient.wire import Address

ORIGIN = "sluice.example/river-street"
ADDRESS = Address("river-street", "city-environment", ORIGIN)
PRIVATE_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
DAY = "2026-03-01"
SIGNER = Signer(ORIGIN, bytes(range(32)))

_names = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=20)
_times = st.integers(0, LATEST_TIME_MS)
_sizes = st.none() | st.floats(0, allow_nan=False, allow_infinity=False)
records = st.builds(
    Record,
    flow=_names,
    purpose=_names,
    observed_property=_names,
    unit=_names,
    result=st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    phenomenon_time=st.tuples(_times, _times).map(lambda times: (min(times), max(times))),
    cell=_names,
    identity=st.sampled_from(("aggregate", "per-record", "per-epoch")),
    retention_days=st.integers(0, 36_500),
    statistic=st.none() | st.sampled_from(("sum", "mean")),
    n=st.none() | st.integers(1, 10_000),
    id=st.none() | st.binary(min_size=16, max_size=16),
    pseudonym=st.none() | st.binary(min_size=32, max_size=32),
    epoch=st.none() | st.tuples(st.just(DAY), st.integers(0, 99)),
    hour=st.none() | st.integers(0, 23),
    standard_error=_sizes,
    mu=_sizes,
    clip=_sizes,
    epsilon=_sizes,
)


def run_command(*arguments: str | Path) -> int:
    """Run a sub-command of `sluice recipient` in this process; return its exit status."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


def record(number: int = 0) -> Record:
    """Return a figure as a gateway would release it; the number makes it a different one."""
    return Record(
        flow="noise-hourly",
        purpose="noise-planning",
        statistic="energy-mean",
        observed_property="LAeq",
        unit="dB",
        result=50.25 + number / 2,
        phenomenon_time=(1_772_323_200_000, 1_772_326_800_000),
        cell="district-1",
        n=17,
        retention_days=365,
        identity="aggregate",
    )


def content_key(key: bytes = bytes(32), address: Address = ADDRESS) -> ContentKey:
    """Return a content key for the sample recipient."""
    return ContentKey(address, DAY, key, PRIVATE_KEY.public_key())


def sealed(log_index: int = 7, count: int = 1) -> bytes:
    """Return a sealed bundle of so many records."""
    return content_key().seal([encode_record(record(number)) for number in range(count)], log_index)


class GatewayLog:
    """A gateway's log that grows in a folder, as a recipient sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = LogFolder(folder)
        self.writer = LogWriter(ORIGIN)
        self._published_size = 0

    def add(self, bundle_sha256: bytes | None = None) -> int:
        """Append a release entry for a bundle, or some other entry; return its index."""
        kind = Kind.VOID if bundle_sha256 is None else Kind.RELEASE
        labels_root = None if bundle_sha256 is None else bytes(32)
        entry = Entry(kind, 1_000, self.writer.size, NO_POLICY, NO_CONSENT, bytes(32), bundle_sha256, labels_root)
        return self.writer.append(entry.encode())

    def void(self, release: int, bundle_sha256: bytes) -> int:
        """Append the entry that voids the release of a bundle; return its index."""
        size, commitment = self.writer.size, void_commitment(release, bundle_sha256)
        return self.writer.append(Entry(Kind.VOID, 1_000, size, NO_POLICY, NO_CONSENT, commitment).encode())

    def fill(self, size: int) -> None:
        """Append other entries until the log has this size."""
        while self.writer.size < size:
            self.add()

    def publish(self, signer: Signer = SIGNER) -> None:
        """Publish files and checkpoint of the present size."""
        note = sign_note(self.writer.checkpoint().text(), signer)
        self.folder.publish(self.writer.files_since(self._published_size), note)
        self._published_size = self.writer.size


HOSTILE_VALUES: dict[str, tuple[str, object]] = {
    "a terminal's escapes": ("flow", "\x1b]0;pwned\x07\x1b[31mhourly\r\n"),
    "a C1 control": ("cell", "north\x9b2J"),
    "a text direction": ("purpose", "energy\u202eyxes"),
    "an isolate": ("unit", "kW.h\u2066"),
    "a delete": ("observedProperty", "LAeq\x7f"),
    "two lines": ("statistic", "sum\nsluice: all is well"),
    "a line separator": ("cell", "north\u2028south"),
    "a huge name": ("flow", "f" * 300),
    "an empty name": ("flow", ""),
    "an unknown identity": ("identity", "everybody"),
    "an identity that is never released": ("identity", "none"),
    "a time beyond any calendar": ("phenomenonTime", [2**62, 2**62]),
    "a time before 1970": ("phenomenonTime", [-(2**62), 0]),
    "the first millisecond of the year 10000": ("phenomenonTime", [0, 253_402_300_800_000]),
    "an end before the begin": ("phenomenonTime", [2, 1]),
    "a time of many digits": ("phenomenonTime", [2**200, 2**200]),
    "a count of 5,000 digits": ("n", 10**5000),
    "a count below nothing": ("n", -1),
    "a result of 5,000 digits": ("result", 10**5000),
    "a result beyond 64 bits": ("result", -(2**63)),
    "no number": ("result", math.nan),
    "infinity": ("result", -math.inf),
    "a truth as result": ("result", True),
    "retention for ever": ("retention_days", 10**9),
    "retention below nothing": ("retention_days", -1),
    "a short id": ("id", b"1"),
    "a long pseudonym": ("pseudonym", bytes(1_000)),
    "an epoch of no day": ("epoch", ["2026-02-30", 1]),
    "an epoch in another script": ("epoch", ["２０２６-03-01", 1]),
    "an epoch of many digits": ("epoch", [DAY, 10**5000]),
    "an hour of no day": ("hour", 24),
    "an error below nothing": ("standard_error", -0.5),
    "an error without end": ("standard_error", math.inf),
    "no number as mu": ("mu", math.nan),
    "a clip of 5,000 digits": ("clip", 10**5000),
    "a text as epsilon": ("epsilon", "11.7"),
    "a list where a text belongs": ("flow", ["x"]),
}
"""What a forger may put in place of a record's value: what it is -> field and value."""


def hostile_record(what: str) -> bytes:
    """Return the CBOR of a record with one of the hostile values in it."""
    field, value = HOSTILE_VALUES[what]
    return cbor2.dumps({**cbor2.loads(encode_record(record())), field: value}, canonical=True)


def forged(what: str, log_index: int) -> bytes:
    """Return a bundle as somebody makes it who has the recipient's public key."""
    return content_key(sha256(what.encode()).digest()).seal([hostile_record(what)], log_index)
