"""`/ideas/<name>`: one hard idea on a page: a hundred and fifty words at most, and a picture with a sentence that says the same.

There is no number on these pages: nothing in them depends on the gateway or on the rules, so they are the same without either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route
from consent.portal.site import Site
from consent.portal.visit import Visit

IDEAS: Final = ("hiding", "names", "record", "witness")
_PARAGRAPHS: Final = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class IdeaView:
    """What the page shows.

    Attributes:
        name: Which idea.
        paragraphs: The keys of its sentences.
        others: The other ideas.
    """

    name: str
    paragraphs: tuple[str, ...]
    others: tuple[str, ...]


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of an idea.

    Raises: NoSuchPage: there is none of that name.
    """
    name = parameters["idea"]
    if name not in IDEAS:
        raise NoSuchPage
    others = tuple(idea for idea in IDEAS if idea != name)
    return Page("ideas.html", IdeaView(name, tuple(f"{name}.{key}" for key in _PARAGRAPHS), others))


ROUTES = (
    Route(
        "/ideas/{idea}",
        show,
        "A hard idea, explained: hiding among others, made-up names, the record, a witness",
        parameters=(Parameter("idea", f"({'|'.join(IDEAS)})", "record"),),
    ),
)
