"""A policies folder read and parsed in one step, for tests that are about what stands in it."""

from __future__ import annotations

from pathlib import Path

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.policy_files import read_policy_files


def load_policies(folder: Path) -> PolicySet:
    """Return the policies of a folder, which may be put in force as they are.

    Raises: PolicyError: a file is wrong, absent or cannot be read, or asks something that is no longer permitted.
    """
    policies = parse_policies(read_policy_files(folder))
    policies.refuse_unsupported()
    return policies
