"""What every page of this folder asks of the gateway for the household that is signed in."""

from __future__ import annotations

from typing import Final, TypeVar

from consent.core.consents.records import ID_BYTES
from consent.messages import ConsentsOf, ConsentsShown, Id, Parameters, ReleasesTold, Result, SubjectOf
from consent.portal.my.telling import signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit

R = TypeVar("R", bound=Result)

OWN: Final = Id(bytes(ID_BYTES))
"""Stands where a method names a household: the citizens' door puts that of the session there, whatever was sent."""


async def ask_own(site: Site, visit: Visit, method: str, params: Parameters, kind: type[R]) -> R:
    """Return what the gateway answers to the visitor's session.

    Raises: as ``CitizenGate``.
    """
    return await site.citizens.ask(method, params, kind, session=signed_in(visit).token)


async def consents_of(site: Site, visit: Visit) -> ConsentsShown:
    """Return all that the household ever answered.

    Raises: as ``CitizenGate``.
    """
    return await ask_own(site, visit, "consent.show", ConsentsOf(subject=OWN, language=visit.language), ConsentsShown)


async def releases_of(site: Site, visit: Visit) -> ReleasesTold:
    """Return every release that held something of the household, oldest first.

    Raises: as ``CitizenGate``.
    """
    return await ask_own(site, visit, "consent.releases", SubjectOf(subject=OWN), ReleasesTold)
