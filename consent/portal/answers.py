"""What a page answers: a view for a template, or bytes; and how a route is described."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from consent.citizen_messages import SessionOpened
from consent.portal.site import Site
from consent.portal.visit import Visit

HTML: Final = "text/html; charset=utf-8"
SVG: Final = "image/svg+xml"
JSON: Final = "application/json"
CSV: Final = "text/csv; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"
PROBLEM: Final = "application/problem+json"
"""What is said instead of data that cannot be had (RFC 9457)."""

GOES_S: Final = 4


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be rendered.

    Attributes:
        template: The file in ``templates/``.
        view: What it shows: a frozen dataclass of the page's module, named `view` in the template.
        status: HTTP status.
        keep_s: For how long a browser may keep it.
        is_of_any_time: It tells nothing of how gate and record are just now.
        goes_to: Where the browser goes from it by itself, without script, after ``GOES_S``; empty: it stays.
    """

    template: str
    view: object
    status: int = 200
    keep_s: int = 0
    is_of_any_time: bool = False
    goes_to: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to be sent as they are.

    Attributes:
        keep_s: For how long a browser may keep them.
    """

    body: bytes
    media: str
    status: int = 200
    keep_s: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoSuchPage(Exception):  # noqa: N818  it is an answer: 404, as a page
    """There is nothing at this address; `what` names it in the words of the page `errors`."""

    what: str = "page"


def file_of(body: bytes, media: str, name: str) -> Content:
    """Return a file that a browser keeps under a name, rather than shows."""
    return Content(body, media, headers={"content-disposition": f'attachment; filename="{name}"'})


@dataclass(frozen=True, slots=True)
class LargeContent:
    """Content that may be large: it is made only while few others are, and counts until its reader has taken it.

    Attributes:
        make: Returns it. Raises ``NoSuchPage``.
    """

    make: Callable[[], Awaitable[Content]]


@dataclass(frozen=True, slots=True)
class EventStream:
    """Server-sent events, as they come.

    Attributes:
        events: Yields them as bytes; it is closed when the reader goes.
        longest_s: So long it lives at most: for that time its connection is not taken for a slow one.
    """

    events: Callable[[], AsyncGenerator[bytes, None]]
    longest_s: float


@dataclass(frozen=True, slots=True)
class SeeOther:
    """What follows a form that was taken: another page (303), and perhaps a session that begins or ends.

    Attributes:
        path: Of the page, as ``Visit.url`` gives it.
        opens: The session that begins: its cookie goes with the answer.
        closes: Whether the visitor's session ends here; its cookie is taken away.
    """

    path: str
    opens: SessionOpened | None = None
    closes: bool = False


class Who(StrEnum):
    """Who may see a page, or send its form."""

    ANYONE = "anyone"
    SIGNED_IN = "signed-in"
    """Whoever has a session; of the others a page leads to `/in`, and anything else is 401."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form.

    Attributes:
        pattern: A regular expression that the whole of it must match.
        longest: So many characters it may have at most.
        is_required: Where it is absent, or does not match, the form is not taken (422); else it counts as empty.
        is_code: Whoever comes in shows it, and others might guess: how often it is sent is bounded, by place and by code.
    """

    name: str
    pattern: str = r"[^\x00-\x08\x0b-\x1f\x7f]*"
    longest: int = 200
    is_required: bool = False
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form as it came, from one of our own pages.

    Attributes:
        values: By field, of those that the route names; an empty text where a field is absent.
        request: The id of this sending, the same when it is sent again; what a ``CitizenGate`` takes.
        received_ms: When it had come, by the machine's clock.
    """

    values: Mapping[str, str]
    request: str
    received_ms: int = 0

    def __getitem__(self, name: str) -> str:
        """Return a field's value."""
        return self.values[name]


Answer = Page | Content | LargeContent | EventStream
FormHandler = Callable[[Site, Visit, Mapping[str, str], FilledForm], Awaitable[Answer | SeeOther]]
"""(site, visit, the checked parameters of path and query, the form) → where to go on, or the page again with what is wrong.

Raises what a ``Handler`` does, and ``OutcomeUnknownError``, ``SessionEndedError``.
"""
Handler = Callable[[Site, Visit, Mapping[str, str]], Awaitable[Answer]]
"""(site, visit, the checked parameters of path and query) → what to answer.

Raises ``GateAwayError``, ``GateRefusedError``, ``NoSuchPage``.
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the path or the query.

    Attributes:
        pattern: A regular expression that the whole of it must match; else a path is 404, and in a query it counts as absent.
        example: A value of it.
    """

    name: str
    pattern: str
    example: str
    is_in_query: bool = False

    def schema(self) -> Mapping[str, Any]:
        """Return its JSON Schema."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "example": self.example}


AFTERWARDS: Final = Parameter("next", "/my(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3}", "/my", is_in_query=True)
"""Where a visitor wanted to go who has to come in first: a page of their own, and never another host."""


@dataclass(frozen=True, slots=True)
class Route:
    """An address.

    Attributes:
        path: With the names of parameters in braces.
        handler: Answers it.
        summary: What is found there, in a line.
        media: Of the answer with status 200. What goes wrong is told by a page where that is ``HTML``, else as ``PROBLEM``.
        needs_gate: Without the gateway there is nothing to show: 503.
        says: The struct whose JSON is answered, where it is one.
        statuses: With which it answers besides 200, 404 and 503, as a redirection.
        who: Who may see it, and send its form.
        form: Takes a form that is sent to this address; None where none is.
        fields: Of the form, besides those that guard every form.
    """

    path: str
    handler: Handler
    summary: str
    media: str = HTML
    parameters: tuple[Parameter, ...] = ()
    needs_gate: bool = False
    says: type[msgspec.Struct] | None = None
    statuses: tuple[int, ...] = ()
    who: Who = Who.ANYONE
    form: FormHandler | None = None
    fields: tuple[FormField, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether its page holds something of the visitor's alone, a form's token at least: it is kept nowhere."""
        return self.form is not None or self.who is Who.SIGNED_IN
