"""The consent bench itself, on so little that its figures mean nothing."""

from __future__ import annotations

import pytest

from tests.bench.consent_city import bench_policies, gateway_state
from tests.bench.consent_peers import cedar, our_answers, questions, rego

CITIZENS = 200


@pytest.mark.parametrize("peer", [cedar, rego])
def test_engines_asked_the_same_agree_on_every_citizen_and_flow(peer) -> None:
    state = gateway_state(bench_policies(), CITIZENS)
    asked = questions(state)
    answers = our_answers(state.policies, asked)
    assert 0 < sum(answers) < len(answers)
    assert peer(state.policies, asked).answer() == answers
