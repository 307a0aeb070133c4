"""What the control socket answers: each method reads plain parameters, changes the state by the core's steps, answers plainly.

A method runs between two steps of the loop, so it sees and leaves a whole state; its answer is given once the change is
committed. Refusals are ``MethodError``, in the words of the person who asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from consent.errors import ConsentError, PolicyError
from gateway import backup, consent_methods, device_methods, policy_methods, receipt_methods, rights_methods, subject_methods
from gateway.durable import Answer, DurableState
from gateway.params import Method, MethodError, Params, no_more, take, time_ms

__all__ = ["METHODS", "READING", "TICKING", "MethodError", "action", "call"]


def clock_advance(durable: DurableState, params: Params) -> Answer:
    """Set a standing simulated clock forward; the loop runs one release tick before it answers."""
    to = take(params, "to", str)
    no_more(params)
    try:
        durable.clock.advance(time_ms("to", to))
    except ValueError as error:
        raise MethodError(str(error)) from error
    return {"now_ms": durable.clock.now_ms()}


METHODS: dict[str, Method] = {
    "policy.apply": policy_methods.policy_apply,
    "policy.show": policy_methods.policy_show,
    "policy.explain": policy_methods.policy_explain,
    "policy.diff": policy_methods.policy_diff,
    "device.add": device_methods.device_add,
    "device.list": device_methods.device_list,
    "device.revoke": device_methods.device_revoke,
    "subject.show": subject_methods.subject_show,
    "subject.code": subject_methods.subject_code,
    "subject.claim": subject_methods.subject_claim,
    "subject.leave": subject_methods.subject_leave,
    "consent.request": consent_methods.consent_request,
    "consent.grant": consent_methods.consent_grant,
    "consent.refuse": consent_methods.consent_refuse,
    "consent.pause": consent_methods.consent_pause,
    "consent.resume": consent_methods.consent_resume,
    "consent.withdraw": consent_methods.consent_withdraw,
    "consent.revoke": consent_methods.consent_revoke,
    "clock.advance": clock_advance,
}
"""Every method that needs nothing but the memory; `status` the running gateway answers itself."""

READING: dict[str, Callable[[DurableState, Params], Awaitable[Answer]]] = {
    "consent.show": consent_methods.consent_show,
    "consent.receipt": receipt_methods.consent_receipt,
    "consent.export": rights_methods.consent_export,
    "consent.releases": rights_methods.consent_releases,
    "consent.erase": rights_methods.consent_erase,
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


def action(durable: DurableState, name: str, params: Params) -> Answer | Awaitable[Answer]:
    """Run a method, or begin one that reads the database.

    Raises: MethodError: it is refused, and nothing has changed.
    """
    return _read(durable, name, params) if name in READING else call(durable, name, params)


def call(durable: DurableState, name: str, params: Params) -> Answer:
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


async def _read(durable: DurableState, name: str, params: Params) -> Answer:
    try:
        return await READING[name](durable, dict(params))
    except (ConsentError, PolicyError) as error:
        raise MethodError(str(error)) from error
