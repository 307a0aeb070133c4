"""The sheet of claim codes as a page to print: a card for each new household, cut apart and handed over by the crew.

One file that needs nothing else, without script, in the city's language, for A4. The strip below each card says where its device
stands and is for the crew alone: it holds the topic, which is personal, so it is cut off at the door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from consent.printable import printable
from consent.texts.load import sentences

SENTENCES: Final = sentences("sheet")

_STYLE: Final = """\
@page { size: A4; margin: 12mm; }
body { margin: 0; font: 11pt/1.35 sans-serif; color: #000; background: #fff; }
.card { border: 1px solid #000; margin: 0 0 8mm; padding: 6mm 8mm 0; break-inside: avoid; page-break-inside: avoid; }
h1 { font-size: 14pt; margin: 0 0 1mm; }
p { margin: 0 0 2.5mm; }
.code { font: bold 24pt/1.4 monospace; letter-spacing: 0.08em; }
.crew { border-top: 1px dashed #000; margin: 4mm -8mm 0; padding: 2mm 8mm; font-size: 8.5pt; overflow-wrap: anywhere; }"""


@dataclass(frozen=True, slots=True)
class SheetCity:
    """Who is responsible, as a card names it."""

    name: str
    contact: str
    officer: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a household is handed.

    Attributes:
        code: The claim code.
        profile: The device profile's title, or its id.
        zone: The block's title, or its id.
        topic: For the crew: which device it is.
        hub_id: Likewise, behind a hub; may be empty.
        subject: For the crew's paper list: the household's number.
    """

    code: str
    profile: str
    zone: str
    topic: str
    hub_id: str
    subject: str


def sheet(cards: Sequence[Card], city: SheetCity | None, language: str, days: int, claim_address: str = "") -> str:
    """Return the page.

    Args:
        city: None where its policies could not be read.
        language: One of ours.
        days: How long the codes hold.
        claim_address: Where a code is used, as people type it; empty where nobody comes in over the portal.
    """
    told = SENTENCES[language]
    name = "" if city is None else f" · {_text(city.name)}"
    body = "\n".join(_card(card, city, language, days, claim_address) for card in cards) or f"<p>{_text(told['none'])}</p>"
    return f"""\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="robots" content="noindex">
<title>{_text(told["title"])}{name}</title>
<style>
{_STYLE}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def claim_address(portal: str) -> str:
    """Return where a code is used, as people type it, by the portal's address; empty where there is none."""
    return f"{portal.removeprefix('https://')}/claim" if portal else ""


def _card(card: Card, city: SheetCity | None, language: str, days: int, claim_address: str) -> str:
    told = SENTENCES[language]
    lines = [
        f"<h1>{_text(told['heading'])}</h1>",
        f"<p>{_text(told['what'].format(profile=card.profile, zone=card.zone))}</p>",
        f"<p>{_text(told['how'])}</p>",
        f'<p class="code">{_text(card.code)}</p>',
        *([f"<p>{_text(told['where'].format(address=claim_address))}</p>"] if claim_address else []),
        f"<p>{_text(told['once'].format(days=days))}</p>",
    ]
    if city is not None:
        lines.append(f"<p>{_text(told['contact'].format(name=city.name, contact=city.contact, officer=city.officer))}</p>")
    place = f"{card.topic} · {card.hub_id}" if card.hub_id else card.topic
    lines.append(f'<p class="crew">{_text(told["crew"].format(place=place, subject=card.subject))}</p>')
    return '<section class="card">\n' + "\n".join(lines) + "\n</section>"


def _text(text: str) -> str:
    """Return a text as it stands in a page: nothing in it is markup, and nothing is hidden."""
    return escape(printable(text))
