"""The table of migrations: what a policies folder has to change so that this version puts it in force.

Each migration is one function that says which values must become which others, and why. Here they are applied to the text as
edits of single values; what cannot be edited in safety is named with its line, to be changed by hand.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Final

from consent.core.disclosure import Disclosure
from consent.core.migrations.toml_edit import line_of, remove_key, replace_text
from consent.core.policies.parse import DEVICES, NEIGHBOURHOODS, parse_policies
from consent.core.policies.policy import CITY_FILE, PolicySet
from consent.core.policies.unsupported import INSTEAD, ONE_HOMES_VALUE
from consent.core.review.warnings import Note, notes_on


@dataclass(frozen=True, slots=True)
class Replacement:
    """A value that has to change.

    Attributes:
        file: Relative to the policies folder.
        keys: The names that lead to the value.
        old: What it is.
        new: What it has to become; empty where the key goes.
        why: What is wrong with it, in one line.
        removes: Whether the key is to be taken out.
    """

    file: str
    keys: tuple[str, ...]
    old: str
    new: str
    why: str
    removes: bool = False

    @property
    def key(self) -> str:
        """The dotted path of the value, as errors write it."""
        return ".".join(self.keys)


@dataclass(frozen=True, slots=True)
class Step:
    """A change, and the line in which it was made or is to be made by hand."""

    change: Replacement
    line: int

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        change = self.change
        return {
            "file": change.file,
            "line": self.line,
            "key": change.key,
            "old": change.old,
            "new": change.new,
            "message": change.why,
        }


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a policies folder.

    Attributes:
        files: All its files, edited.
        edits: What was changed.
        by_hand: What has to be changed and could not be in safety, or what no migration knows how to change.
        suggestions: What is better changed and nobody must, and how nobody but the city can know.
    """

    files: dict[str, bytes]
    edits: tuple[Step, ...]
    by_hand: tuple[Step, ...]
    suggestions: tuple[Note, ...]

    def as_data(self, *, written: bool) -> dict[str, object]:
        """Return it as plain data; ``written`` says whether the edits were made."""
        return {
            "edits": [step.as_data() for step in self.edits],
            "by_hand": [step.as_data() for step in self.by_hand],
            "suggestions": [{"file": note.file, "key": note.key, "message": note.message} for note in self.suggestions],
            "written": written,
        }

    def as_text(self, before: Mapping[str, bytes], *, written: bool) -> str:
        """Return a unified diff, then what is left to people."""
        return "".join(self._lines(before, written=written))

    def _lines(self, before: Mapping[str, bytes], *, written: bool) -> Iterator[str]:
        for path, data in before.items():
            old, new = data.decode().splitlines(keepends=True), self.files[path].decode().splitlines(keepends=True)
            yield from difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
        for step in self.by_hand:
            change = step.change
            yield f"by hand: `{change.file}`, line {step.line}: `{change.key}`: {change.why}\n"
        for note in self.suggestions:
            yield f"suggested: `{note.file}`: `{note.key}`: {note.message}\n"
        count = f"{len(self.edits)} edit{'s' * (len(self.edits) != 1)}"
        if written:
            yield f"written: {count}; nothing of it is in force before `sluice policy apply`\n"
        elif self.edits:
            yield f"not written: {count}; `--write` makes them\n"


Migration = Callable[[PolicySet], Iterator[Replacement]]


def migrate(files: Mapping[str, bytes]) -> Migrated:
    """Return the files of a policies folder with every edit made that this version asks for and that can be made in safety.

    Raises: PolicyError: they cannot be understood.
    """
    edited, edits, by_hand = dict(files), list[Step](), list[Step]()
    policies = parse_policies(files)
    for migration in MIGRATIONS:
        for change in migration(policies):
            text = edited[change.file].decode()
            found = remove_key(text, change.keys) if change.removes else replace_text(text, change.keys, change.new)
            if found is None:
                by_hand.append(Step(change, line_of(text, change.keys)))
                continue
            edited[change.file] = found.text.encode()
            edits.append(Step(change, found.line))
    after = parse_policies(edited)
    named = {step.change.key for step in by_hand}
    by_hand += [step for step in _unknown_to_migrations(after) if step.change.key not in named]
    by_hand += [Step(change, line_of(edited[change.file].decode(), change.keys)) for change in _former_budgets(after)]
    suggestions = tuple(note for note in notes_on(after) if note.key.startswith("property.") and note.key.endswith(".clamp"))
    return Migrated(edited, tuple(edits), tuple(by_hand), suggestions)


def _unknown_to_migrations(policies: PolicySet) -> Iterator[Step]:
    """Yield what policies may still not ask after every migration."""
    for one in policies.unsupported:
        keys = tuple(one.key.split("."))
        yield Step(Replacement(one.file, keys, "", "", one.message), line_of(policies.files[one.file].decode(), keys))


def _statistics_over_subjects(policies: PolicySet) -> Iterator[Replacement]:
    """Replace statistics that over subjects are one subject's value by the mean."""
    for one in policies.unsupported:
        statistic = policies.flows[one.flow].statistic.get(one.observed_property)
        keys = ("flow", one.flow, "statistic", one.observed_property)
        if statistic in ONE_HOMES_VALUE and one.key == ".".join(keys):
            yield Replacement(one.file, keys, str(statistic), str(INSTEAD), one.message)


def _limits_that_bind_nothing(policies: PolicySet) -> Iterator[Replacement]:
    """Take out limits of figures that noise, or a least group, has taken the place of."""
    limits = tomllib.loads(policies.files[CITY_FILE].decode(), parse_float=Decimal).get("limits", {})
    for name in policies.limits.ignored:
        why = "binds nothing any more: figures about households have noise, or a least group"
        yield Replacement(CITY_FILE, ("limits", name), str(limits[name]), "", why, removes=True)


def _former_budgets(policies: PolicySet) -> Iterator[Replacement]:
    """Yield the budgets that were an ε, and will count as a μ once there are quantities: which μ, only the city can say."""
    why = "was an ε, and is read as a μ once there are quantities: write the μ that is meant, or take it out"
    points: dict[tuple[str, tuple[str, ...]], Disclosure] = {(CITY_FILE, ("ceiling",)): policies.ceiling}
    points |= {(CITY_FILE, ("flow", flow.id, "ask")): flow.ask for flow in policies.flows.values()}
    points |= {(f"{NEIGHBOURHOODS}/{name}.toml", ("ceiling",)): point for name, point in policies.neighbourhoods.items()}
    points |= {(f"{DEVICES}/{name}.toml", ("cap",)): profile.cap for name, profile in policies.profiles.items()}
    for (file, keys), point in points.items():
        if point.former_epsilon < inf:
            yield Replacement(file, (*keys, "budget"), f"{point.former_epsilon:g}", "", why)


MIGRATIONS: Final[tuple[Migration, ...]] = (_statistics_over_subjects, _limits_that_bind_nothing)
"""One function for each thing that a version has ceased to permit; a new one is added at the end."""
