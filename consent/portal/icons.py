"""The line drawings of the pages: a 24-unit grid, the colour of the text around them, and never without a word beside them."""

from __future__ import annotations

from typing import Final

_LINE: Final = {
    "power": "M13 3 6 14h5l-1 7 8-12h-5z",
    "noise": "M4 10v4M8 6v12M12 9v6M16 4v16M20 10v4",
    "air": "M3 9h11a2.500 2.500 0 1 0-2.500-2.500M3 13h16M3 17h8a2.500 2.500 0 1 1-2.500 2.500",
    "people": "M4 21V3M20 21V3M8 9h2M12 9h1M15 9h1M8 14h2M12 14h1M15 14h1",
    "what": "M4 20V10M9 20V4M14 20v-7M19 20V8",
    "why": "M12 3v2M12 19v2M3 12h2M19 12h2M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
    "who": "M12 4a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM5 21a7 7 0 0 1 14 0",
    "kept": "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7v5l3 2",
    "you": "M12 3l8 3v6c0 4.500-3.500 7.500-8 9-4.500-1.500-8-4.500-8-9V6z",
    "where": "M12 21s7-6.500 7-11.500a7 7 0 0 0-14 0C5 14.500 12 21 12 21zM12 7.500a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
    "ask": "M4 5h16v11H9l-5 4z",
    "holds": "M4 12.500 9.500 18 20 6.500",
    "fails": "M6 6l12 12M18 6 6 18",
    "sensor": "M12 12v9M8.500 15.500a5 5 0 1 1 7 0M5.700 18.300a9 9 0 1 1 12.600 0",
}
_POSTS: Final = '<path d="M4.500 3v18M19.500 3v18M2.500 3h19"/>'
_GATES: Final = {
    "open": ("M7.500 3h9v4h-9z", "M1 17.500c2-2 4-2 6 0s4 2 6 0 4-2 6 0 3 1.500 4 0"),
    "half": ("M7.500 7.500h9v6h-9z", "M1 18c2-1.600 4-1.600 6 0s4 1.600 6 0 4-1.600 6 0 3 1.200 4 0"),
    "shut": ("M7.500 11h9v10h-9z", ""),
}


def icon(name: str) -> str:
    """Return a drawing by its name, `gate-open`, `gate-half` and `gate-shut` among them.

    Raises: KeyError: there is none.
    """
    head = '<svg class="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
    if name.startswith("gate-"):
        leaf, water = _GATES[name.removeprefix("gate-")]
        flow = f'<path class="w" d="{water}"/>' if water else ""
        body = f'{_POSTS}<path d="{leaf}" fill="currentColor" stroke="none"/>{flow}'
        return f'{head.format("ico gate")} stroke-width="1.800" aria-hidden="true">{body}</svg>'
    return f'{head.format("ico")} stroke-width="1.700" aria-hidden="true"><path d="{_LINE[name]}"/></svg>'
