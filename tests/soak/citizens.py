"""People who change their minds all the time: what they asked for, what was confirmed to them, and with which log index.

They ask one after another. When the gateway dies before it answers, they ask again until they are
answered; until then what they asked for may or may not be in force, and nothing is held against it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from consent.control import AwayError, RefusedError
from tests.soak.city import SCOPE, Home, erring_rows, policies
from tests.soak.handed_on import Export
from tests.soak.judge import NEVER, Permit, Reach
from tests.soak.stage import Stage
from tests.support.waiting import HANG_S

_AGAIN_S = 0.1
LEAST_CHANGING = 8
"""No more homes are erased once so few are left that change their minds."""
_PERMITTING, _PAUSED, _ENDED = ("Given", "Renewed", "Reconfirmed"), ("Paused",), ("Withdrawn",)


class Citizens:
    """Residents and the operator.

    Attributes:
        done: How often each kind of thing was confirmed.
        reaches: How far it might be told how damp homes are, as it was confirmed.
        exports: What homes were shown of themselves.
    """

    def __init__(self, stage: Stage) -> None:
        self.done: Counter[str] = Counter()
        self.reaches = [Reach(-1, NEVER, narrow=False)]
        self.exports: list[Export] = []
        self._stage = stage
        self._random = Random(stage.seed + 1)
        self._permits = {permit.home: permit for permit in stage.permits}  # the latest of each home that has not ended
        self._paused: set[int] = set()
        self._revoked: list[int] = []
        self._quiet: set[int] = set()  # homes that do nothing any more
        self._acts: Mapping[Callable[[], str], int] = {
            self._change_a_mind: 12,
            self._narrow_or_widen: 1,
            self._erase: 1,
            self._move_in: 2,
            self._revoke_or_register: 1,
            self._look_at_portal: 2,
            self._export: 2,
        }

    def pause_s(self) -> float:
        """Return for how long nobody does anything now."""
        return self._random.uniform(0.1, 0.8)

    def act(self) -> None:
        """Have somebody do something, and wait until it is confirmed."""
        (act,) = self._random.choices([*self._acts], [*self._acts.values()])
        if done := act():
            self.done[done] += 1

    def _change_a_mind(self) -> str:
        """Have a home permit what it does not permit, or the reverse."""
        home = self._random.choice(self._changing())
        permit = self._permits.get(home.number)
        if home.number in self._paused:
            self._paused.discard(home.number)
            if self._random.random() < 0.5:
                self._stop_permitting(home, "consent.withdraw", _ENDED)
                return "withdrawals"
            if permit is not None and (not permit.narrow or self.reaches[-1].narrow):
                self._permit(home, "consent.resume", permit.narrow)
                return "resumptions"
            permit = None  # what it permitted was less than is asked for by now: it has to grant anew
        if permit is None:
            self._permit(home, "consent.grant", self.reaches[-1].narrow)
            return "grants"
        if self._random.random() < 0.3:
            self._stop_permitting(home, "consent.pause", _PAUSED)
            self._paused.add(home.number)
            return "pauses"
        self._stop_permitting(home, "consent.withdraw", _ENDED)
        return "withdrawals"

    def _changing(self) -> list[Home]:
        """Return the homes that may change their minds now."""
        found = [home for home in self._stage.residents if home.kind in ("changing", "later") and home.subject]
        return [home for home in found if home.number not in self._quiet]

    def _permit(self, home: Home, method: str, narrow: bool) -> None:
        stage = self._stage
        permit = Permit(home.number, stage.reached, min(stage.now_ms(), stage.true_ms()), narrow)
        stage.permits.append(permit)
        permit.after = self._change(method, home, _PERMITTING)
        self._permits[home.number] = permit

    def _stop_permitting(self, home: Home, method: str, wanted: Sequence[str]) -> None:
        index = self._change(method, home, wanted)
        permit = self._permits[home.number]
        permit.until = min(permit.until, index)
        if wanted is _ENDED:
            self._end(home, index)
        else:
            permit.to_ms = max(self._stage.now_ms(), self._stage.true_ms())

    def _end(self, home: Home, index: int) -> None:
        """Note that a home has withdrawn, or is erased."""
        self._permits.pop(home.number, None)
        self._paused.discard(home.number)
        for permit in self._stage.permits:
            if permit.home == home.number:
                permit.until, permit.ended = min(permit.until, index), min(permit.ended, index)

    def _change(self, method: str, home: Home, wanted: Sequence[str]) -> int:
        """Have a home's consent changed; return the log index that confirms it."""
        answer = self._insist(method, {"subject": home.subject, "scope": SCOPE})
        if answer is not None:
            return self._reached(answer["log_index"])
        shown = self._insist("consent.show", {"subject": home.subject}) or {}
        found = [row["log_index"] for row in shown["consents"] if row["scope"] == SCOPE and row["status"] in wanted]
        assert found, f"{method} of home {home.number} is refused, and it was not done before: {shown}"
        return self._reached(max(found))

    def _reached(self, index: int) -> int:
        self._stage.reached = max(self._stage.reached, index)
        return index

    def _index_of(self, answer: dict[str, Any] | None) -> int:
        """Return the log index of an answer; where nobody heard it, one that it cannot be above."""
        index = None if answer is None else answer["log_index"]
        return self._reached(self._stage.status()["log"]["size"] if index is None else index)

    def _narrow_or_widen(self) -> str:
        """Apply policies by which it is told by the district how damp homes are, or again by the block."""
        stage, before = self._stage, self.reaches[-1]
        low = stage.reached
        for name, text in policies(narrow=not before.narrow).items():
            (stage.live.place.policies / name).write_text(text)
        answer = self._insist("policy.apply", {"accept": True})
        index = self._index_of(answer)
        self.reaches[-1] = Reach(before.after, index, before.narrow)
        self.reaches.append(Reach(low, NEVER, not before.narrow))
        return "policies"

    def _erase(self) -> str:
        """Erase a home that has moved in, or one that changes its mind, while there are enough of these."""
        homes = self._changing()
        if len(homes) < LEAST_CHANGING:
            return ""
        home = self._random.choice(homes)
        self._quiet.add(home.number)
        answer = self._insist("consent.erase", {"subject": home.subject})
        index = self._index_of(answer)
        self._end(home, index)
        return "erasures"

    def _move_in(self) -> str:
        """Register a home's device; its readings have come all along, and nobody knew of whom."""
        homes = [home for home in self._stage.residents if home.kind == "later" and not home.subject]
        homes = [home for home in homes if home.number not in self._quiet]
        if not homes:
            return ""
        home = homes[0]
        answer = self._insist("device.add", {"devices": [home.row()]})
        if answer is None:  # registered, perhaps, by an answer that nobody heard: it never consents
            self._quiet.add(home.number)
            return ""
        home.subject = answer["devices"][0]["subject"]
        return "homes moved in"

    def _revoke_or_register(self) -> str:
        """Take a sensor of the city's out of the registry, or put one back."""
        stage = self._stage
        if self._revoked and self._random.random() < 0.5:
            place = self._revoked.pop()
            answer = self._insist("device.add", {"devices": [erring_rows(stage.fleet)[place]]})
            if answer is not None:
                stage.erring_ids[place] = answer["devices"][0]["device"]
            return "devices added"
        places = [place for place in range(len(stage.erring_ids)) if place not in self._revoked]
        if len(places) < 2:
            return ""
        place = self._random.choice(places)
        self._revoked.append(place)
        self._insist("device.revoke", {"device": stage.erring_ids[place]})
        return "devices revoked"

    def _look_at_portal(self) -> str:
        return "portal pages" if self._stage.portal_answers() else ""

    def _export(self) -> str:
        """Show a home all that is held about it."""
        home = self._random.choice([home for home in self._stage.residents if home.subject and home.number not in self._quiet])
        after = self._stage.reached
        answer = self._insist("consent.export", {"subject": home.subject})
        assert answer is not None, f"the export of home {home.number} is refused"
        self.exports.append(Export.of(home.number, after, answer))
        return "exports"

    def _insist(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Ask until there is an answer; None where it is refused, since an unheard answer came first."""
        deadline_s, unheard = time.monotonic() + HANG_S, False
        while True:
            try:
                return self._stage.ask(method, params)
            except AwayError:
                unheard = True
            except RefusedError as refused:
                if unheard:
                    return None
                if time.monotonic() > deadline_s:
                    raise AssertionError(f"{method} is refused: {refused}") from refused
            assert time.monotonic() < deadline_s, f"{method} is not answered"
            time.sleep(_AGAIN_S)
