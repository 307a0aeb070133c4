"""Why a running gateway may not do its work now, in words for whoever looks; each reason also has a name, for figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.app import Gateway
from gateway.intake import OUTBOX, WINDOWS

REASONS: Final = {
    "starting": "starting: what is stored is being read",
    "ending": "ending: what was taken in is being written down",
    "stuck": "stuck: the loop has not turned for too long",
    "broker_away": "the sensors' broker is away",
    "catching_up": "what the broker has kept is still being taken in: no window ends",
    "unconfirmed": "no witness has confirmed the log: nothing is signed or released",
    "clock_wrong": "the clock is wrong: nothing is taken in or released until it is right",
    "intake_full": "too much waits for who is away upstream: readings stay at the broker",
    "disk_full": "the disk is full: readings and releases wait",
    "log_waits": "the disk of the published log or the openings is full: they are published later",
}
"""What ``not_ready`` may name, and what it means. That it is stuck, starting or ending ``watch`` knows."""


def not_ready(app: Gateway) -> Iterator[str]:
    """Yield the names of the reasons for which it does not take in, release and publish; none: it does."""
    durable, state = app.durable, app.durable.state
    if not app.link.connected:
        yield "broker_away"
    elif not state.drained:
        yield "catching_up"
    if not durable.confirmed:
        yield "unconfirmed"
    if durable.clock_problem():
        yield "clock_wrong"
    if app.intake.waits in (OUTBOX, WINDOWS):
        yield "intake_full"
    if durable.store.disk_space.low:
        yield "disk_full"
    if durable.publisher.full:
        yield "log_waits"
