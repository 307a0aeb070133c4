"""`/check`: is the record whole? What the portal reads, what the visitor's browser checks itself, and what no record can show.

Also the program with which the same is done without a browser. The page of one number is ``entry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from consent.portal.answers import Answer, Content, Page, Parameter, Route, file_of
from consent.portal.record import Head, RecordFault, SeenBy
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.texts.portal import page_sentences
from gateway.audit.log.entries import Kind

LOG: Final = "/log/"
SCRIPT: Final = "check.js"
LOCALES: Final = {"en": "en-GB", "es": "es-ES", "pt": "pt-PT"}
"""How the script writes numbers and dates: as the page does."""
SAID: Final = "say."
"""How the keys of the sentences begin that the script says."""
WHOLE_BUNDLES: Final = 64
"""Of so many bundles, of 256 entries each, the browser reads the entries themselves; of those before, the hashes alone."""
NUMBER: Final = r"[0-9]{1,15}"
TYPED: Final = r"\s*[0-9](?:[0-9 .,'’\u00a0\u202f]{0,30})"
"""A number as people type or copy it, with whatever groups its digits."""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of the browser's check.

    Attributes:
        id: Its name in the script.
        title: What holds if it does.
        how: Why that shows it.
    """

    id: str
    title: str
    how: str


class NamedWitness(msgspec.Struct, frozen=True):
    """A witness, and its key."""

    name: str
    vkey: str


class ScriptSetup(msgspec.Struct, frozen=True):
    """What the script is told, in JSON.

    Attributes:
        log: Where the log's files are.
        entry: The one to be looked at; None for all of them.
        bundles: Of so many bundles, the last ones, the entries are read.
        words: The sentences that it says, by key.
    """

    log: str
    key: str
    witnesses: list[NamedWitness]
    entry: int | None
    bundles: int
    locale: str
    zone: str
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class BrowserCheck:
    """What the script is given.

    Attributes:
        setup: ``ScriptSetup``, in JSON.
        script_kb: How long the script is.
        waiting: What is said of a step before it is done.
        no_script: What is said where no script runs.
        again: What the button says that begins anew.
    """

    setup: str
    steps: tuple[CheckStep, ...]
    script_kb: int
    waiting: str
    no_script: str
    again: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """What the page shows.

    Attributes:
        counts: Kind of entry and how many of it have been read; those of none are left out.
        address: Where the log can be fetched from.
    """

    head: Head | None
    fault: RecordFault | None
    latest: str
    root: str
    witnesses: tuple[tuple[SeenBy, str], ...]
    counts: tuple[tuple[str, int], ...]
    is_read: bool
    address: str
    browser: BrowserCheck | None


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page, or send to the number that was asked for."""
    if "n" in parameters:
        number = int("".join(digit for digit in parameters["n"] if digit in "0123456789"))
        return Content(b"", "text/plain", 303, headers={"location": visit.url(f"/check/{number}")})
    record = site.record
    head = record.head
    return Page("check.html", CheckView(
        head=head,
        fault=record.fault,
        latest="" if head is None else moment(visit, head.latest_ms),
        root="" if head is None else head.root.hex(),
        witnesses=() if head is None else tuple((each, moment(visit, each.cosigned_ms)) for each in head.witnesses),
        counts=tuple((kind.word, count) for kind in Kind if (count := record.count(kind.word))),
        is_read=record.is_read,
        address=(site.config.address.rstrip("/") or "https://…") + LOG.rstrip("/"),
        browser=None if head is None else browser_check(visit, head),
    ))  # fmt: skip


async def program(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the verifier that needs Python alone."""
    text = (files("gateway.audit.standalone") / "verify.py").read_bytes()
    return file_of(text, "text/x-python; charset=utf-8", "verify.py")


def browser_check(visit: Visit, head: Head, entry: int | None = None) -> BrowserCheck:
    """Return what the script is given: to check the whole record, or with one entry, that this one stands in it."""
    say = {key.removeprefix(SAID): text for key, text in page_sentences("check")[visit.language].items() if key.startswith(SAID)}
    if entry is not None:
        say |= {f"verdict.{answer}": say[f"one.{answer}"] for answer in ("yes", "no", "open")}
    setup = ScriptSetup(
        log=LOG,
        key=head.vkey,
        witnesses=[NamedWitness(each.name, each.vkey) for each in head.witnesses if each.vkey],
        entry=entry,
        bundles=WHOLE_BUNDLES,
        locale=LOCALES[visit.language],
        zone=visit.zone.key,
        words=say,
    )
    shown = {"signature": "signature", "witnesses": "witnesses", "tree": "tree" if entry is None else "one", "growth": "growth"}
    steps = [
        CheckStep(step, visit.text("check", f"step.{key}"), visit.text("check", f"step.{key}-how", end=head.key_end))
        for step, key in shown.items()
    ]
    waiting, no_script, again = (visit.text("check", key) for key in ("waiting", "no-script", "again"))
    return BrowserCheck(msgspec.json.encode(setup).decode(), tuple(steps), script_kb(), waiting, no_script, again)


@cache
def script_kb() -> int:
    """Return how long the script is, in kilobytes, rounded up."""
    return -(-len((files("consent.portal") / "static" / SCRIPT).read_bytes()) // 1000)


def moment(visit: Visit, at_ms: int) -> str:
    """Return an instant's local date and time to the second; as it stands in the record where no calendar has it."""
    try:
        datetime.fromtimestamp(at_ms / 1000, visit.zone)
    except (OverflowError, ValueError, OSError):
        return f"{at_ms} ms"
    return f"{visit.date(at_ms)}, {visit.time(at_ms, seconds=True)}"


ROUTES = (
    Route("/check", show, "Is the record whole", parameters=(Parameter("n", TYPED, "2405", is_in_query=True),), statuses=(303,)),
    Route("/verify.py", program, "The verifier that needs Python alone", media="text/x-python; charset=utf-8"),
)
