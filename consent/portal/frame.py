"""What stands around every page: the city, and how gate and record are.

The logo shows how the gate is, and what a reader should know of the state stands above the page's own matter. The gateway is
asked once for both the page and its frame: the page's own questions come first, and ``gates.public_door`` keeps the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from consent.core.languages import LANGUAGES
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.record import Head
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.public_messages import PublicState

STILL_MS: Final = 600_000
"""A record that has not grown for so long has stopped growing: it should at least every ten minutes."""
_MINUTE_MS: Final = 60_000

GateStatus = Literal["open", "half", "shut", "away"]
"""All goes, a part is missing, nothing leaves, it does not answer: the keys of `common.gate`."""


@dataclass(frozen=True, slots=True)
class FrameNotice:
    """A sentence above the page: a key of `common.state`, and what its gaps are filled with."""

    key: str
    gaps: dict[str, str]


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What header and footer show; `site` in templates. Of the city nothing before policies are in force.

    Attributes:
        officer: E-mail address of the data protection officer.
        gate: How it is; None where it was not asked.
    """

    name: str = ""
    address: str = ""
    contact: str = ""
    officer: str = ""
    languages: tuple[str, ...] = LANGUAGES
    gate: GateStatus | None = None
    notices: tuple[FrameNotice, ...] = ()

    @property
    def logo(self) -> str:
        """The name of the drawing that shows how the gate is."""
        return "gate-open" if self.gate == "open" else "gate-shut" if self.gate in ("shut", "away") else "gate-half"


def city_frame(site: Site) -> PageFrame:
    """Return the frame of a page for which the gateway is not asked."""
    if site.record.policies is None:
        return PageFrame()
    city = site.record.policies.city
    return PageFrame(city.name, city.address, city.contact, city.data_protection_officer, city.languages)


async def frame_of(site: Site, visit: Visit) -> PageFrame:
    """Return the frame of a page."""
    try:
        state = await site.gate.state()
    except (GateAwayError, GateRefusedError):
        state = None
    return replace(city_frame(site), gate=_status(state), notices=tuple(_notices(site, visit, state)))


def _status(state: PublicState | None) -> GateStatus:
    if state is None:
        return "away"
    if state.disk_full or not state.confirmed:
        return "shut"
    return "open" if state.hears_sensors and state.reaches_city else "half"


def _notices(site: Site, visit: Visit, state: PublicState | None) -> list[FrameNotice]:
    found = []
    if state is None:
        found.append(FrameNotice("away", {}))
    elif state.simulated:
        found.append(FrameNotice("simulated", {"rate": visit.number(state.rate)}) if state.rate else FrameNotice("stands", {}))
    if state is not None and state.disk_full:
        found.append(FrameNotice("full", {}))
    elif state is not None and not state.confirmed:
        found.append(FrameNotice("unconfirmed", {}))
    if site.record.fault is not None:
        found.append(FrameNotice("fault", {}))
    elif site.record.head is None:
        found.append(FrameNotice("absent", {}))
    elif site.record.policies is None and site.record.is_read:
        found.append(FrameNotice("nothing", {}))
    if site.record.head is not None and (still_ms := _still_ms(site.record.head, site.now_ms(), state)) >= STILL_MS:
        found.append(_still(still_ms // _MINUTE_MS, visit))
    if site.record.head is not None and not site.record.is_read:
        found.append(FrameNotice("unread", {}))
    return found


def _still(minutes: int, visit: Visit) -> FrameNotice:
    """Return the notice of a record that has not grown for so long, in a unit of which nobody has to count thousands."""
    if minutes < 2 * 60:
        return FrameNotice("still", {"minutes": visit.number(minutes)})
    if minutes < 2 * 24 * 60:
        return FrameNotice("still-hours", {"hours": visit.number(minutes // 60)})
    return FrameNotice("still-days", {"days": visit.number(minutes // (24 * 60))})


def _still_ms(head: Head, now_ms: int, state: PublicState | None) -> int:
    """Return for how long the record has not grown: by its last entry's time too, where that is known to be a real one."""
    seen_ms = now_ms - head.read_ms
    return seen_ms if state is None or state.simulated else max(seen_ms, state.now_ms - head.latest_ms)
