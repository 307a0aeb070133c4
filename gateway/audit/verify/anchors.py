"""The trust anchors that a command line names: a log key, a policy file of witnesses, or the key that the log itself offers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader
from gateway.audit.log.witness_policy import LONGEST_POLICY_BYTES, Policy, parse_policy
from gateway.audit.verify.trust import Anchors
from gateway.files import read_regular, reason_of

LONGEST_KEY_BYTES: Final = 1 << 10


class AnchorError(ValueError):
    """The command line names no usable trust anchor, or a file that holds none. The message is one line."""


def anchors_for(
    reader: LogReader | None, key: str | None, policy_file: Path | None, *, unpinned: bool = False, note: bytes | None = None
) -> Anchors:
    """Return the trust anchors that a command line names.

    Args:
        reader: The log: its name selects a key where a policy lists several, and its own key is used with `unpinned`.
        key: The log's public key, or a file that holds it.
        policy_file: A tlog-policy file; without a `key`, the log's key is the one that it lists under the log's name.
        unpinned: Use the key that is stored beside the log.
        note: The signed checkpoint, where there is no reader.

    Raises:
        AnchorError: when no key is named, or more than one way to get it.
        KeyFormatError: when the key is malformed.
        PolicyFormatError: when the policy file is malformed.
        LogUnreachableError: when the log has no checkpoint from which to read its name.
        FileError: when its handovers cannot be read.
    """
    policy = None if policy_file is None else parse_policy(read_small(policy_file, LONGEST_POLICY_BYTES), str(policy_file))
    handovers = b"" if reader is None else reader.handovers()
    if unpinned:
        if key is not None:
            raise AnchorError("`--key` and `--no-key` exclude each other")
        offered = None if reader is None else reader.vkey()
        if offered is None:
            raise AnchorError("the log offers no key of its own; name one with `--key`")
        return Anchors(Verifier.parse(offered), False, policy, handovers)
    if key is not None:
        log = Verifier.parse(read_key(key))
        if policy is not None and policy.logs and log not in [one.verifier for one in policy.logs]:
            raise AnchorError(f"`{policy_file}` lists logs, and not the one of `--key`")
        return Anchors(log, True, policy, handovers)
    if policy is None or not policy.logs:
        raise AnchorError("name the log's public key with `--key`, or a policy file that lists it with `--witnesses`")
    if note is None:
        note = b"" if reader is None else reader.checkpoint()
    return Anchors(_listed(policy, note.partition(b"\n")[0], str(policy_file)), True, policy, handovers)


def read_key(text: str) -> str:
    """Return a key given on the command line, either as text or as the name of a file that holds it.

    Raises:
        AnchorError: when there is no such file and it cannot be a key, or the file does not hold exactly one line of text.
    """
    file = Path(text)
    if not file.is_file():
        if "+" not in text:
            raise AnchorError(f"`{text}`: there is no such file, and it is no key of the form name+id+base64")
        return text
    try:
        lines = read_small(file, LONGEST_KEY_BYTES).decode("ascii", "replace").splitlines()
    except AnchorError:
        lines = []
    if len(lines) != 1 or not lines[0].isprintable():
        raise AnchorError(f"`{text}`: is no file with a log's public key")
    return lines[0]


def read_small(file: Path, longest_bytes: int) -> bytes:
    """Return the bytes of one of the auditor's own files.

    Raises:
        AnchorError: when it cannot be read, is no regular file or longer than `longest_bytes`.
    """
    try:
        return read_regular(file, longest_bytes)
    except OSError as error:
        raise AnchorError(f"`{file}`: {reason_of(error)}") from error


def _listed(policy: Policy, origin: bytes, source: str) -> Verifier:
    """Return the key of the one log in a policy whose name is the checkpoint's origin."""
    found = [log.verifier for log in policy.logs if log.verifier.name.encode() == origin]
    if len(found) != 1:
        name = origin.decode(errors="replace")
        raise AnchorError(f"`{source}` lists {len(found) or 'no'} keys for the log `{name}`; name one with `--key`")
    return found[0]
