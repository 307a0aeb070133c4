"""The addresses of a city's public pages: of each route that is for anyone at least one, by what rules and record hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consent.portal.answers import HTML, Route, Who
from consent.portal.pages.ideas import IDEAS
from consent.portal.routes import ROUTES
from gateway.audit.log.entries import Kind
from tests.support.counted_log import CountedLog, counted_log
from tests.support.policy_folder import load_policies
from tests.support.still_city import StillCity

_PUBLIC: Final = tuple(route for route in ROUTES if route.media == HTML and route.who is Who.ANYONE)
WITH_FORMS: Final = frozenset(route.path for route in _PUBLIC if route.form is not None)
"""Those on which whoever comes in types a code or shows a passkey."""
MISSING: Final = "/nowhere"
"""There is nothing here."""


def counted(city: StillCity) -> CountedLog:
    """Return a city's record, counted up to the last full hour, as its public numbers are."""
    now_ms: int = city.call("status")["clock"]["now_ms"]
    assert city.place.openings is not None
    return counted_log(city.place.log, city.place.openings, city.vkey, now_ms - now_ms % 3_600_000)


def addresses(city: StillCity) -> dict[str, list[str]]:
    """Return the path of each page that is for anyone, with addresses of it: one for each case in which it looks different."""
    policies = load_policies(city.place.policies)
    first_of_kind = {entry.kind: entry.sequence for entry in reversed(counted(city).entries)}
    fills: Mapping[str, list[str]] = {
        "zone": list(policies.zones)[:3],
        "sign": list(policies.signs)[:3],
        "flow": list(policies.flows),
        "idea": list(IDEAS),
        "entry": [str(first_of_kind[Kind.POLICY])],
        "index": [str(index) for index in first_of_kind.values()],
    }
    return {route.path: _filled(route, fills) for route in _PUBLIC}


def all_pages(city: StillCity) -> list[str]:
    """Return every address once, and one that there is not."""
    return [*dict.fromkeys(path for paths in addresses(city).values() for path in paths), MISSING]


def one_of_each(city: StillCity) -> list[str]:
    """Return one address of each route, and one that there is not."""
    return [*dict.fromkeys(paths[0] for paths in addresses(city).values()), MISSING]


def _filled(route: Route, fills: Mapping[str, list[str]]) -> list[str]:
    """Return the addresses of a route."""
    name = next((parameter.name for parameter in route.parameters if not parameter.is_in_query), "")
    if not name:
        return [route.path]
    values = fills[name]
    assert values, f"`{route.path}` has no address in this city"
    return [route.path.replace(f"{{{name}}}", value) for value in values]
