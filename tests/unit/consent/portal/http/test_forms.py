"""What a form may hold, whose it is, and where it comes from; the rest is tested as a browser sends it (`test_taking`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.portal.answers import FormField
from consent.portal.http.forms import MisfitError, is_from_here, is_token, read_form, request_of, token_of, values_of

HERE = ["https://sensors.ribera.example"]


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_form_or_none(body: bytes) -> None:
    """Never another error."""
    try:
        fields = read_form(body)
        request_of(fields)
        values_of(fields, (FormField("a", "b+", 3, is_required=True),))
    except MisfitError:
        pass


def test_field_that_is_no_value_counts_as_empty_unless_it_is_required() -> None:
    """Lines end as they do in texts; what is longer, or of another pattern, is not there."""
    fields = (FormField("word"), FormField("text", r"[a-z\n]*"))
    assert values_of({"word": "a" * 201, "text": "a\r\nb", "other": "c"}, fields) == {"word": "", "text": "a\nb"}
    assert values_of({"word": "a\x00b"}, fields) == {"word": "", "text": ""}
    for sent in ({}, {"word": "a" * 201}):
        with pytest.raises(MisfitError):
            values_of(sent, (FormField("word", is_required=True),))


def test_token_is_of_one_cookie() -> None:
    """Of that of another visitor, or none, it is not."""
    assert is_token(token_of("a"), ["b", "a"])
    assert not is_token(token_of("a"), ["b"])
    assert not is_token(token_of("a"), [])
    assert not is_token("", ["a"])
    assert "a" * 20 not in token_of("a" * 43), "the cookie does not stand in the page"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({b"origin": b"https://sensors.ribera.example"}, True),
        ({b"origin": b"https://sensors.ribera.example", b"sec-fetch-site": b"same-origin"}, True),
        ({b"origin": b"https://sensors.ribera.example", b"sec-fetch-site": b"cross-site"}, False),
        ({b"origin": b"https://sensors.ribera.example.evil.example"}, False),
        ({b"origin": b"null", b"sec-fetch-site": b"same-origin"}, True),
        ({b"sec-fetch-site": b"same-origin"}, True),
        ({b"sec-fetch-site": b"none"}, False),
        ({b"origin": b"null"}, False),
        ({}, False),
    ],
)
def test_browser_says_where_a_form_comes_from(headers: dict[bytes, bytes], is_ours: bool) -> None:
    """By both headers where it sends both; a program that says nothing is no browser."""
    assert is_from_here(headers, HERE) is is_ours
