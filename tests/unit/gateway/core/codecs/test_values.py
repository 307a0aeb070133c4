"""What values mean: numbers as text, words, "no value", units with another zero, and what a device cannot mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Field
from gateway.core import model
from gateway.core.codecs.values import as_text, compile_value
from gateway.core.model import Reject

PATH = ("t",)
SENTINELS = (Decimal(85), Decimal("-127.0"), Decimal("6553.5"), Decimal(4294967295), "n/a", "unavailable")
WORDS = {"ON": Decimal(1), "OFF": Decimal(0), "true": Decimal(1), "false": Decimal(0), "half": Decimal("0.5")}


@pytest.mark.parametrize(
    ("field", "found", "value"),
    [
        (Field(PATH, "1"), 21, 21),
        (Field(PATH, "1"), None, None),
        (Field(PATH, "1"), "21", model.WRONG_TYPE),
        (Field(PATH, "1"), True, model.WRONG_TYPE),
        (Field(PATH, "1"), [1], model.WRONG_TYPE),
        (Field(PATH, "1"), 10**400, model.WRONG_TYPE),
        (Field(PATH, "1"), float("nan"), model.NOT_FINITE),
        (Field(PATH, "1", Decimal("1e9")), 1e300, model.NOT_FINITE),
        (Field(PATH, "[degF]", Decimal(5) / 9, Decimal(-160) / 9), 59.0, pytest.approx(15)),
        (Field(PATH, "K", offset=Decimal("-273.15")), 288.15, pytest.approx(15)),
        (Field(PATH, "1", Decimal("0.1"), Decimal(-40)), 615, pytest.approx(21.5)),
        (Field(PATH, "1", decimal_mark="."), " 21.5\r\n", 21.5),
        (Field(PATH, "1", decimal_mark="."), "-1.5e2", -150),
        (Field(PATH, "1", decimal_mark="."), "21,5", model.WRONG_TYPE),
        (Field(PATH, "1", decimal_mark=","), "21,5", 21.5),
        (Field(PATH, "1", decimal_mark=","), "1.234,5", model.WRONG_TYPE),
        (Field(PATH, "1", decimal_mark="."), "nan", model.NOT_FINITE),
        (Field(PATH, "1", decimal_mark="."), "1" * 65, model.WRONG_TYPE),
        (Field(PATH, "1", decimal_mark="."), "٣", model.WRONG_TYPE),
        (Field(PATH, "1", decimal_mark="."), "1_000", model.WRONG_TYPE),
        (Field(PATH, "1", words=WORDS), "ON", 1),
        (Field(PATH, "1", words=WORDS), " OFF\0", 0),
        (Field(PATH, "1", words=WORDS), True, 1),
        (Field(PATH, "1", words=WORDS), "true", 1),
        (Field(PATH, "1", words=WORDS), 1, 1),
        (Field(PATH, "1", words=WORDS), "on", model.WRONG_TYPE),
        (Field(PATH, "%", Decimal(100), words=WORDS), "half", 50),
        *(
            (Field(PATH, "1", none=SENTINELS), found, model.NO_VALUE)
            for found in (85, 85.0, -127, 6553.5, 4294967295, "n/a", " n/a")
        ),
        (Field(PATH, "1", none=SENTINELS, decimal_mark="."), "85.0", model.NO_VALUE),
        (Field(PATH, "1", Decimal("0.1"), none=SENTINELS), 850, 85),
        (Field(PATH, "1", none=("true",)), True, model.NO_VALUE),
        (Field(PATH, "1", plausible=(Decimal(-40), Decimal(60))), 60.0, 60),
        (Field(PATH, "1", plausible=(Decimal(-40), Decimal(60))), 60.1, model.IMPLAUSIBLE),
        (Field(PATH, "1", Decimal("0.1"), plausible=(Decimal(0), Decimal("0.3"))), 3, pytest.approx(0.3)),
        (
            Field(PATH, "[degF]", Decimal(5) / 9, Decimal(-160) / 9, plausible=(Decimal(-40), Decimal(60))),
            -40,
            pytest.approx(-40),
        ),
    ],
)
def test_value_is_what_the_profile_says_that_it_means(field: Field, found: Any, value: Any) -> None:
    """A number in the property's unit, nothing, or the reason why it is none."""
    assert compile_value(field)(found) == value


@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers()),
    st.sampled_from(["", ".", ","]),
)
def test_whatever_stands_there_is_a_number_or_a_reason(found: Any, mark: str) -> None:
    """Never an exception, never a number that is not finite or not plausible."""
    field = Field(
        PATH, "1", Decimal(3), Decimal(1), decimal_mark=mark, words=WORDS, none=SENTINELS, plausible=(Decimal(-9), Decimal(9))
    )
    value = compile_value(field)(found)
    assert value is None or isinstance(value, Reject) or (type(value) is float and abs(value) <= 9.001)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (True, "true"),
        (2**70, None),
        (float("nan"), None),
        (None, None),
        ([], None),
        ("\ufffd", None),
        (1e300, "1e+300"),
    ],
)
def test_values_are_compared_as_profiles_write_them(value: Any, text: str | None) -> None:
    """Bytes that are no text are the same as nothing."""
    assert as_text(value) == text
