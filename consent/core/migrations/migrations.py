"""The table of migrations: what a policies folder has to change so that this version puts it in force.

Each migration is one function that says which values must become which others, and why. Here they are applied to the text as
edits of single values; what cannot be edited in safety is named with its line, to be changed by hand.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.migrations.toml_edit import line_of, replace_text
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.policies.unsupported import INSTEAD, ONE_HOMES_VALUE
from consent.core.review.warnings import Note, notes_on


@dataclass(frozen=True, slots=True)
class Replacement:
    """A value that has to change.

    Attributes:
        file: Relative to the policies folder.
        keys: The names that lead to the value.
        old: What it is.
        new: What it has to become.
        why: What is wrong with it, in one line.
    """

    file: str
    keys: tuple[str, ...]
    old: str
    new: str
    why: str

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
            found = replace_text(text, change.keys, change.new)
            if found is None:
                by_hand.append(Step(change, line_of(text, change.keys)))
                continue
            edited[change.file] = found.text.encode()
            edits.append(Step(change, found.line))
    after = parse_policies(edited)
    named = {step.change.key for step in by_hand}
    by_hand += [step for step in _unknown_to_migrations(after) if step.change.key not in named]
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


MIGRATIONS: Final[tuple[Migration, ...]] = (_statistics_over_subjects,)
"""One function for each thing that a version has ceased to permit; a new one is added at the end."""
