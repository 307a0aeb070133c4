"""The language in which a method answers, and what scopes are called in it: people are never told the id of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from consent.core.explain.phrases import PhraseBook, Phrases
from consent.core.languages import LANGUAGES, spoken_language
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from gateway.control.context import Control, MethodError
from gateway.core.changes.changes import StoredPolicies

MOST_EARLIER_POLICIES: Final = 100
"""How many earlier policy sets are looked into for the title of something that those in force no longer have."""


class Spoken(Protocol):
    """Parameters that say which language is wanted."""

    @property
    def language(self) -> str:
        """The one asked for; empty where none was."""

    @property
    def locale(self) -> str:
        """That of the asker's locale; empty where it has none of ours."""


def language_of(control: Control, params: Spoken) -> str:
    """Return the language in which to answer.

    Raises: MethodError: the one asked for is none of ours.
    """
    for name, value in (("language", params.language), ("locale", params.locale)):
        if value and value not in LANGUAGES:
            raise MethodError(f"`{name}`: `{value}` is none of {', '.join(LANGUAGES)}")
    return spoken_language(control.state.policies.city.languages, params.locale, params.language)


async def scope_titles(control: Control, scopes: Iterable[str], language: str) -> dict[str, str]:
    """Return the titles of flows and purposes: those of the policies in force, or of the last that had them."""
    missing, titles = set(scopes), dict[str, str]()
    state, policies = control.state, control.state.policies
    index = 0 if state.force is None else state.force.entry
    for _ in range(MOST_EARLIER_POLICIES):
        book = PhraseBook(policies, language)
        titles |= {scope: title for scope in missing if (title := book.scope(scope))}
        missing -= titles.keys()
        before = await control.store.reader.policy_before(index) if missing else None
        if before is None:
            break
        index, content = before
        try:
            policies = parse_policies(msgspec.msgpack.decode(content, type=StoredPolicies).files)
        except PolicyError:  # an earlier version took them
            continue
    return titles | dict.fromkeys(missing, Phrases(language).say("former"))
