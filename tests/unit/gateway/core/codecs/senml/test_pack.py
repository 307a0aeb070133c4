"""SenML packs: the RFC's rules of base values, names, types and versions."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core import model
from gateway.core.codecs.senml.pack import LONGEST_NAME, PackError, resolve
from gateway.core.model import Reject


def test_senml_base_value_and_sum_are_added() -> None:
    """A missing value or sum counts as zero where there is a base for it."""
    records: list[dict[str, Any]] = [
        {"bn": "a:", "bv": 20, "bs": 5, "n": "x", "v": 0.5},
        {"n": "y"},
        {"n": "z", "vs": "text", "s": 1},
    ]

    assert resolve(records, 0.0) == [
        {"n": "a:x", "t": 0.0, "v": 20.5, "s": 5.0},
        {"n": "a:y", "t": 0.0, "v": 20.0, "s": 5.0},
        {"n": "a:z", "t": 0.0, "vs": "text", "s": 6.0},
    ]


@pytest.mark.parametrize(
    ("record", "reject"),
    [
        ({"n": "a", "v": 1, "bver": 11}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "bver": 0}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "must_": 1}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "bver": 10.0}, model.WRONG_TYPE),
        ({"n": "a", "v": True}, model.WRONG_TYPE),
        ({"n": "a", "v": "1"}, model.WRONG_TYPE),
        ({"n": "a", "v": None}, model.WRONG_TYPE),
        ({"n": "a", "v": 10**400}, model.WRONG_TYPE),
        ({"n": "a", "vb": 1}, model.WRONG_TYPE),
        ({"n": 1, "v": 1}, model.WRONG_TYPE),
        ({"v": 1}, model.MALFORMED),
        ({"n": "-a", "v": 1}, model.MALFORMED),
        ({"n": "a b", "v": 1}, model.MALFORMED),
        ({"n": "a", "v": 1, "vs": "1"}, model.MALFORMED),
        ({"n": "a"}, model.MALFORMED),
    ],
)
def test_senml_record_against_the_rules_is_refused(record: dict[str, Any], reject: Reject) -> None:
    """Names, types, one value each, the version, and labels that must be understood."""
    with pytest.raises(PackError) as caught:
        resolve([record], 0.0)

    assert caught.value.reject is reject


def test_senml_base_name_is_not_copied_into_gigabytes() -> None:
    """Each record takes a copy of it: a pack of 64 KiB with a base name of half of that held the gateway up for a second."""
    records: list[dict[str, Any]] = [{"bn": "a" * (LONGEST_NAME - 1), "n": "x", "v": 1}, {"n": "xy", "v": 1}]

    assert len(resolve(records[:1], 0.0)[0]["n"]) == LONGEST_NAME
    with pytest.raises(PackError) as refused:
        resolve(records, 0.0)
    assert refused.value.reject is model.TOO_LARGE
