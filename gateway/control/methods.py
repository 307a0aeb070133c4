"""What the control socket answers: each method reads plain parameters, changes the state by the core's steps, answers plainly.

A method runs between two steps of the loop, so it sees and leaves a whole state; its answer is given once the change is
committed. Refusals are ``MethodError``, in the words of the person who asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from consent.errors import ConsentError, PolicyError
from gateway.control import backup, consents, devices, policies, rights, subjects
from gateway.control.params import Method, MethodError, Params, no_more, take, time_ms
from gateway.durable.state import Answer, Durable

__all__ = ["METHODS", "READING", "TICKING", "MethodError", "action", "call"]


def clock_advance(durable: Durable, params: Params) -> Answer:
    """Set a standing simulated clock forward; the loop runs one release tick before it answers."""
    to = take(params, "to", str)
    no_more(params)
    try:
        durable.clock.advance(time_ms("to", to))
    except ValueError as error:
        raise MethodError(str(error)) from error
    return {"now_ms": durable.clock.now_ms()}


METHODS: dict[str, Method] = {
    "policy.apply": policies.policy_apply,
    "policy.show": policies.policy_show,
    "policy.explain": policies.policy_explain,
    "policy.diff": policies.policy_diff,
    "device.add": devices.device_add,
    "device.list": devices.device_list,
    "device.revoke": devices.device_revoke,
    "subject.show": subjects.subject_show,
    "subject.code": subjects.subject_code,
    "subject.claim": subjects.subject_claim,
    "subject.leave": subjects.subject_leave,
    "consent.request": consents.consent_request,
    "consent.grant": consents.consent_grant,
    "consent.refuse": consents.consent_refuse,
    "consent.pause": consents.consent_pause,
    "consent.resume": consents.consent_resume,
    "consent.withdraw": consents.consent_withdraw,
    "consent.revoke": consents.consent_revoke,
    "clock.advance": clock_advance,
}
"""Every method that needs nothing but the memory; `status` the running gateway answers itself."""

READING: dict[str, Callable[[Durable, Params], Awaitable[Answer]]] = {
    "consent.show": consents.consent_show,
    "consent.receipt": consents.consent_receipt,
    "consent.export": rights.consent_export,
    "consent.releases": rights.consent_releases,
    "consent.erase": rights.consent_erase,
    "backup": backup.backup,
}
"""Methods that read the database too; the loop waits for them, so that nothing changes in between. Some commit by themselves."""

CONTROL = frozenset(
    {
        "policy.apply",
        "device.revoke",
        "subject.claim",
        "subject.leave",
        "consent.request",
        "consent.grant",
        "consent.refuse",
        "consent.pause",
        "consent.resume",
        "consent.withdraw",
        "consent.revoke",
        "consent.erase",
    }
)
"""Methods that say who may see what: on a full disk they get the room that is set aside, and what waits before them too."""

TICKING = frozenset({"clock.advance"})
"""Methods that are answered only after a release tick."""


def action(durable: Durable, name: str, params: Params) -> Answer | Awaitable[Answer]:
    """Run a method, or begin one that reads the database.

    Raises: MethodError: it is refused, and nothing has changed.
    """
    return _read(durable, name, params) if name in READING else call(durable, name, params)


def call(durable: Durable, name: str, params: Params) -> Answer:
    """Run a method that needs the memory alone.

    Raises: MethodError: it is refused, and nothing has changed.
    """
    method = METHODS.get(name)
    if method is None:
        raise MethodError(f"there is no method `{name}`")
    try:
        return method(durable, dict(params))
    except (ConsentError, PolicyError) as error:
        raise MethodError(str(error)) from error


async def _read(durable: Durable, name: str, params: Params) -> Answer:
    try:
        return await READING[name](durable, dict(params))
    except (ConsentError, PolicyError) as error:
        raise MethodError(str(error)) from error
