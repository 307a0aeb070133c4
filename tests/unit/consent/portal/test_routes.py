"""The route table: every address once, each with an answer."""

from __future__ import annotations

from collections import Counter

from consent.portal.routes import ROUTES


def test_every_address_stands_once() -> None:
    """The second would never be asked."""
    assert [path for path, n in Counter(route.path for route in ROUTES).items() if n > 1] == []


def test_every_gap_of_an_address_is_declared() -> None:
    """An undeclared one would reach a page unchecked."""
    for route in ROUTES:
        gaps = {part.partition("}")[0].partition(":")[0] for part in route.path.split("{")[1:]}
        assert gaps == {parameter.name for parameter in route.parameters if not parameter.is_in_query}, route.path


def test_addresses_of_the_design_are_there() -> None:
    """Those that stand on signs, in letters and in programs."""
    needed = {"/", "/s/{sign}", "/places/{zone}", "/paper", "/register.json", "/openapi.json", "/robots.txt", "/offline"}
    assert needed <= {route.path for route in ROUTES}
    assert {"/.well-known/sluice.json", "/.well-known/gpc.json", "/.well-known/security.txt"} <= {route.path for route in ROUTES}
