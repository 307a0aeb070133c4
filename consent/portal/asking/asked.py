"""What is asked: a flow of the rules in force, and all that the gateway says of it to the reader."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from consent.citizen_messages import AnswerOffered, QuestionOf, QuestionShown
from consent.core.policies.policy import Flow, PolicySet
from consent.messages import ConsentLimits
from consent.portal.answers import NoSuchPage, Parameter
from consent.portal.my.telling import signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit

FLOW = Parameter("flow", "[a-z0-9]+(-[a-z0-9]+)*", "energy-hourly")
"""The use of data that an address is about."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question of the rules in force, as the gateway puts it to the reader.

    Attributes:
        shown: All that is to be told before an answer.
    """

    policies: PolicySet
    flow: Flow
    shown: QuestionShown

    def offer(self, answer: str) -> AnswerOffered | None:
        """Return an answer that is offered, by its word; None where it is not."""
        return next((each for each in self.shown.offered if each.answer == answer), None)


async def asked_of(site: Site, visit: Visit, flow_id: str, limits: ConsentLimits | UnsetType = UNSET) -> AskedQuestion:
    """Return a question.

    Args:
        limits: What those of one's own would come to, besides.

    Raises: NoSuchPage: the rules have no such use of data, or ask nobody about it.
    """
    policies = site.record.policies
    flow = None if policies is None else policies.flows.get(flow_id)
    if policies is None or flow is None or not policies.rests_on_consent(flow):
        raise NoSuchPage("flow")
    params = QuestionOf(flow=flow_id, language=visit.language, limits=limits)
    shown = await site.citizens.ask("question.show", params, QuestionShown, session=signed_in(visit).token)
    return AskedQuestion(policies, flow, shown)


def is_alone(asked: AskedQuestion) -> bool:
    """Return whether a yes would tell of the home by itself, rather than in figures with others."""
    offer = asked.offer("yes")
    return offer is not None and any(row.is_alone for row in offer.seen)
