"""Who reads: the language, and the reader's way to write numbers, units, dates and links.

The language is the one that the address asks for (`?lang=pt`), else the best of `Accept-Language`, else the city's first. Times
are shown in the city's time zone, since a page without script does not know the reader's; windows and days of figures are UTC.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from consent.citizen_messages import SessionKind
from consent.core.disclosure import DAY_MS
from consent.core.languages import LANGUAGES, spoken_language
from consent.portal.config import PortalConfig
from consent.texts.portal import page_sentences

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_GROUPS = {"en": (",", 4), "es": ("\N{NO-BREAK SPACE}", 5), "pt": ("\N{NO-BREAK SPACE}", 5)}
"""What stands between groups of three digits, and from how many digits on. Source: CLDR 46; the space as the RAE has it."""
_POINT = {"en": ".", "es": ",", "pt": ","}
_WEIGHTED = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")
_MOST_RANGES = 20


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A visitor who has come in.

    Attributes:
        token: The session's, for the gateway.
        kind: By what they came in: `passkey`, or `paper`, which tells less and never more.
        ends_ms: When the session ends by itself.
    """

    token: str
    kind: SessionKind
    ends_ms: int


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form that was sent.

    Attributes:
        path: The address that it was sent to, with its query.
        values: Its fields, but for those that guard it.
        request: The id of its sending.
        at_ms: When.
    """

    path: str
    values: Mapping[str, str]
    request: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request whose answer did not come.

    Attributes:
        request: Its id.
        form: What was sent; None where that is forgotten.
    """

    request: str
    form: SentForm | None


@dataclass(frozen=True)
class Visit:
    """One request, as far as pages differ by it.

    Attributes:
        language: One of ``LANGUAGES``.
        path: Of the page, without the query.
        query: Its query, but for the language.
        is_chosen: The address names the language, so that links must carry it on.
        zone: The city's time zone.
        signed_in: The visitor's session; None where there is none.
        form_token: What every form of this visitor's pages brings back; empty on a page that has none.
        asks_for_privacy: The browser sends `Sec-GPC: 1` (Global Privacy Control).
        unanswered: What the visitor sent last, where no answer came.
    """

    language: str
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    is_chosen: bool = False
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    config: PortalConfig | None = None
    signed_in: SignedIn | None = None
    form_token: str = ""
    asks_for_privacy: bool = False
    unanswered: Unanswered | None = None

    @property
    def token(self) -> str:
        """The token of the visitor's session; empty where there is none."""
        return "" if self.signed_in is None else self.signed_in.token

    def new_request(self) -> str:
        """Return an id for one sending of a form, of which this page then has one more: the same one changes nothing twice."""
        return secrets.token_hex(16)

    # links

    def url(self, path: str, **query: str | int) -> str:
        """Return the address of another page, in the language that was chosen."""
        pairs = [(name, str(value)) for name, value in query.items()] + ([("lang", self.language)] if self.is_chosen else [])
        path, _, fragment = path.partition("#")
        return path + (f"?{urlencode(pairs)}" if pairs else "") + (f"#{fragment}" if fragment else "")

    def in_language(self, language: str) -> str:
        """Return the address of this page in another language."""
        path = f"/{self.path.lstrip('/')}"  # two slashes would begin with another host
        return f"{path}?{urlencode([*self.query, ('lang', language)])}"

    # sentences

    def text(self, part: str, key: str, **gaps: object) -> str:
        """Return a sentence of one part in the reader's language; see ``consent.texts.portal``."""
        return page_sentences(part)[self.language][key].format(**gaps)

    def counted(self, part: str, key: str, n: int, **gaps: object) -> str:
        """Return the sentence for one or for any other number, `n` written in it the reader's way."""
        form = "one" if n == 1 else "other"
        return page_sentences(part)[self.language][f"{key}.{form}"].format(n=self.number(n), **gaps)

    def title(self, texts: dict[str, str]) -> str:
        """Return a title of the policies in the reader's language, or in the first that it is given in."""
        return texts.get(self.language) or next(iter(texts.values()), "")

    # numbers and times

    def number(self, value: float, digits: int | None = None) -> str:
        """Return a number the reader's way.

        Args:
            digits: Behind the point; None: none of an integer, else as many as it has.
        """
        text = f"{value:.{digits}f}" if digits is not None else (str(value) if isinstance(value, int) else f"{value:g}")
        whole, _, rest = text.lstrip("-").partition(".")
        separator, least = _GROUPS[self.language]
        if len(whole) >= least:
            whole = re.sub(r"(?<=\d)(?=(\d{3})+$)", separator, whole)
        return ("\N{MINUS SIGN}" if value < 0 else "") + whole + (f"{_POINT[self.language]}{rest}" if rest else "")

    @cached_property
    def _months(self) -> list[str]:
        return _MONTHS[self.language].split()

    def date(self, at_ms: int) -> str:
        """Return the local date of an instant, as `28 November 2026`."""
        return self._date(datetime.fromtimestamp(at_ms / 1000, self.zone))

    def day(self, day: str) -> str:
        """Return a UTC day, as `2026-11-28` names it, in words."""
        return self._date(datetime.fromisoformat(day).replace(tzinfo=UTC))

    def _date(self, when: datetime) -> str:
        month = self._months[when.month - 1]
        return f"{when.day} {month} {when.year}" if self.language == "en" else f"{when.day} de {month} de {when.year}"

    def time(self, at_ms: int, *, seconds: bool = False) -> str:
        """Return the local time of an instant, as `16:15`."""
        return datetime.fromtimestamp(at_ms / 1000, self.zone).strftime("%H:%M:%S" if seconds else "%H:%M")

    def moment(self, at_ms: int) -> str:
        """Return the local date and time of an instant."""
        return f"{self.date(at_ms)}, {self.time(at_ms)}"


def midnight_ms(day: str) -> int:
    """Return when a UTC day begins, as `2026-11-28` names it, in Unix milliseconds."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_MS


def language_of(asked: str, accepted: str, city: Sequence[str]) -> tuple[str, bool]:
    """Return the language to speak, and whether the address asks for it.

    Args:
        asked: What the address names; ignored where it is none of ours.
        accepted: The header `Accept-Language` (RFC 9110, 12.5.4).
        city: The city's languages.
    """
    if asked in LANGUAGES:
        return asked, True
    best, weight = "", 0.0
    for part in accepted.split(",")[:_MOST_RANGES]:
        found = _WEIGHTED.fullmatch(part)
        if found is None:
            continue
        language, q = found[1].lower(), float(found[2] or 1)
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best or spoken_language(city), False
