"""The rights that a receipt lists, and how each is exercised, in the program's languages.

Source: Regulation (EU) 2016/679, articles 7(3), 15 to 18, 20 and 77; terms of the DPV extension for it. Where it does not apply,
the receipt lists only what the program grants to everyone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from consent.core.languages import LANGUAGES
from consent.texts.load import sentences


@dataclass(frozen=True, slots=True)
class Right:
    """One right.

    Attributes:
        article: Of the regulation; with the prefix of the DPV extension, the right's term.
        by_program: Whether the program itself grants it, whatever the law.
        at_controller: Whether it is exercised with the controller.
    """

    article: str
    by_program: bool
    at_controller: bool


RIGHTS: Final = (
    Right("A7-3", by_program=True, at_controller=True),
    Right("A15", by_program=True, at_controller=True),
    Right("A16", by_program=False, at_controller=True),
    Right("A17", by_program=True, at_controller=True),
    Right("A18", by_program=True, at_controller=True),
    Right("A20", by_program=True, at_controller=True),
    Right("A77", by_program=False, at_controller=False),
)

_SENTENCES: Final = sentences("right")


def rights_nodes(contact: str | None, under_gdpr: bool, languages: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rights as JSON-LD nodes.

    Args:
        contact: Where the controller is reached; None where that is unknown.
        under_gdpr: Whether the regulation is known to apply.
        languages: Those wanted; English where the program has none of them.
    """
    spoken = [language for language in languages if language in LANGUAGES] or ["en"]
    return [_node(right, contact, under_gdpr, spoken) for right in RIGHTS if under_gdpr or right.by_program]


def right_titles(language: str, *, under_gdpr: bool) -> list[str]:
    """Return what the rights other than withdrawal are called in one of our languages, in small letters."""
    listed = [right for right in RIGHTS[1:] if under_gdpr or right.by_program]
    titles = [_SENTENCES[language][f"{right.article}.title"] for right in listed]
    return [title[:1].lower() + title[1:] for title in titles]


def _node(right: Right, contact: str | None, under_gdpr: bool, spoken: list[str]) -> dict[str, Any]:
    node: dict[str, Any] = {
        "@type": ["dpv:DataSubjectRight", f"eu-gdpr:{right.article}"] if under_gdpr else ["dpv:DataSubjectRight"],
        "title": {language: _SENTENCES[language][f"{right.article}.title"] for language in spoken},
        "description": {language: _SENTENCES[language][f"{right.article}.how"] for language in spoken},
    }
    if right.at_controller and contact is not None:
        node["isExercisedAt"] = contact
    return node
