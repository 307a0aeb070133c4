"""JMESPath expressions: found where paths do not reach, refused with a reason, and bounded on hostile messages."""

from __future__ import annotations

import json
from dataclasses import replace
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec, Condition, Field, Match, Profile
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import HubParts, Ignore, Reading, Reject
from tests.support.profiles import make_profile

NOW_MS = 1_731_110_400_000
EXPRESSIONS = ("a[?b>c].a|[0]", "sum(*)", "avg(a)", "max_by(a,&b).c", "ceil(a)", "a==b", "join('',a)", "sort(a)[-1]", "[][].a")


def profile_of(path: str, **changes: Any) -> Profile:
    """Return a profile whose only path is an expression."""
    return replace(make_profile(Codec.JSON, {}), jmespath=True, fields={"temperature": Field((path,), "1")}, **changes)


def read(path: str, message: Any, **changes: Any) -> float | Reject | Ignore | HubParts:
    """Return the value that an expression finds, or the outcome without one."""
    outcome = compile_tree(profile_of(path, **changes))("a/b", message, NOW_MS)
    return outcome.observations[0].result if isinstance(outcome, Reading) else outcome


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("values[?kind=='t'].value | [0]", 21.5),
        ("max_by(values, &value).value", 60),
        ("sum(values[*].value)", 81.5),
        ('"pm2.5"', 7),
        ("to_number(text)", 3.5),
        ("absent || `4`", 4),
        ("absent", model.NO_READING),
        ("sum(absent)", model.NO_READING),
        ("sum(text)", model.WRONG_TYPE),
        ("values", model.WRONG_TYPE),
        ("text", model.WRONG_TYPE),
    ],
)
def test_expression_finds_its_value(expression: str, value: float | Reject) -> None:
    """Filters, functions, alternatives; a function of what is absent finds nothing."""
    message = {"values": [{"kind": "t", "value": 21.5}, {"kind": "h", "value": 60}], "pm2.5": 7, "text": "3.5"}
    assert read(expression, message) == value


def test_lists_hubs_conditions_and_the_topic_work_with_expressions() -> None:
    """`^` is the whole message; levels of the topic are written as ever."""
    profile = profile_of(
        "t",
        each="rows[?ok]",
        hub=("id", "$topic[0]"),
        match=Match(conditions=(Condition("^length(rows)", ("2",)),)),
    )
    outcome = compile_tree(profile)("hub/x", {"rows": [{"ok": True, "id": 1, "t": 5}, {"ok": False, "id": 2, "t": 6}]}, NOW_MS)

    assert isinstance(outcome, HubParts)
    assert [part.hub_id for part in outcome.parts] == ["1/hub"]
    assert compile_tree(profile)("hub/x", {"rows": []}, NOW_MS) is model.IGNORE


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("values[", "is no JMESPath expression"),
        ("a b", "is no JMESPath expression"),
        ("frobnicate(a)", "`frobnicate` is no function of JMESPath"),
        ("sum(a, b)", "`sum` takes 1 argument"),
        ("join(a)", "`join` takes 2 arguments"),
        ("`text`", "is no JMESPath expression: deprecated string literal"),
        ("values[::`0`]", "is no JMESPath expression"),
        ("!" * 400 + "a", "is nested too deep"),
    ],
)
def test_expression_that_is_none_is_an_error_of_the_policy(expression: str, said: str) -> None:
    """It names file and key, in one line."""
    with pytest.raises(PolicyError, match=r"`devices/probe.toml`: `fields.temperature.path`: ") as raised:
        compile_decoder(profile_of(expression))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("length([][][][])", [[[[0] * 30_000]]]),
        ("length(a[*].b[*].c[])", {"a": [{"b": [{"c": [0, 0]}] * 2000}] * 2}),
        ("length([@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[]|[@,@]|[])", [0] * 16_000),
        ("sort_by(@, &x)[0].x", [{"x": n} for n in range(6000)]),
    ],
)
def test_hostile_message_takes_no_longer_than_the_bound(expression: str, message: Any) -> None:
    """Whatever the expression would do with it."""
    begun = process_time()
    assert isinstance(read(expression, message), float | Reject)
    assert process_time() - begun < 0.5


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=4),
        max_leaves=10,
    ),
    st.binary(max_size=40),
)
def test_whatever_the_message_nothing_is_raised(message: Any, payload: bytes) -> None:
    """For expressions of every kind."""
    for expression in (
        "a[?b>c].a|[0]",
        "sum(*)",
        "avg(a)",
        "max_by(a,&b).c",
        "ceil(a)",
        "a==b",
        "join('',a)",
        "sort(a)[-1]",
        "to_number(a)",
        "[][].a",
    ):
        decode = compile_decoder(profile_of(expression))
        for bytes_ in (payload, json.dumps(message).encode()):
            assert isinstance(decode("a/b", bytes_, NOW_MS), Reading | Reject)
