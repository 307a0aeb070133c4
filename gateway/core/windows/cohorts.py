"""Cohorts: who may be together in one window or table of cells. Levels are never rolled up together."""

from __future__ import annotations

from typing import NamedTuple

from consent.core.outcome import Level


class Cohort(NamedTuple):
    """Who may be together in one figure: the same flow, property, level and cell of space."""

    flow: str
    observed_property: str
    statistic: str
    identity: str
    time: str
    space: str
    step: str
    cell: str
    public: bool
    """True for devices without a subject: no window mixes them with those that have one."""

    @property
    def level(self) -> Level:
        """Return the level at which it is released."""
        return Level(self.identity, self.time, self.space, self.step, self.cell)
