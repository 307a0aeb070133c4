"""The policy file of a gateway's witnesses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.audit.log.witness_policy import LONGEST_POLICY_BYTES
from gateway.edge.witnesses.quorum import load_policy
from gateway.errors import OperatorError


def test_witness_policy_that_is_a_pipe_or_endless_is_refused_at_once(tmp_path: Path) -> None:
    """A start or a check waits for no other process, and reads no more than a policy can hold."""
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    long.write_bytes(b"#" * (LONGEST_POLICY_BYTES + 1))
    with pytest.raises(OperatorError, match="no regular file"):
        load_policy(pipe)
    with pytest.raises(OperatorError, match="longer than"):
        load_policy(long)
