"""Every field case by a trial of its profile, without broker and gateway: quick, and the first to say which case broke."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import PolicyError
from gateway.core.examples.trial import Trial, Tried
from gateway.core.ingest.minimise import floor_steps
from gateway.core.model import Observation, Reading
from tests.field_cases.cases import OTHER_SHAPES, RECEIVED_AT, SETTINGS, Case, Told, cases, tables, time_ms, town_files

pytestmark = pytest.mark.outside_data
NUMBERS = sorted(SETTINGS.keys() - OTHER_SHAPES)


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """The city that has the sensors of all cases."""
    return parse_policies({name: text.encode() for name, text in town_files().items()})


@pytest.fixture(scope="module")
def by_number() -> dict[str, Case]:
    """The cases of the data set."""
    return {case.number: case for case in cases()}


def observed(case: Case, tried: Tried) -> list[Observation]:
    """Return the observations of one message that are the registered device's, and go further."""
    outcome, whose = tried.outcome, case.setting.hub_id
    if not isinstance(outcome, Reading):
        return []
    devices = tried.devices or ("",) * len(outcome.observations)
    told = zip(outcome.observations, tried.refused, devices, strict=True)
    return [each for each, reason, device in told if reason is None and device == whose]


def on_the_ladder(policies: PolicySet, observation: Observation) -> Told:
    """Return an observation as a recipient would have it, on the lowest step."""
    step = policies.properties[observation.observed_property].ladder[0]
    return observation.observed_property, float(floor_steps(observation.result, float(step)) * step)


@pytest.mark.parametrize("number", NUMBERS)
def test_profile_of_a_case_reads_what_is_right_and_nothing_else(
    number: str, policies: PolicySet, by_number: dict[str, Case]
) -> None:
    """Its messages in order, received when the case says."""
    case = by_number[number]
    trial = Trial(policies.profiles[case.zone], policies.properties)
    found = [
        observation
        for topic, payload in case.messages
        for observation in observed(case, trial.take(topic, payload, time_ms(RECEIVED_AT)))
    ]
    assert sorted(on_the_ladder(policies, each) for each in found) == case.values
    for time in case.times:
        assert time in {(each.observed_property, each.phenomenon_time_ms) for each in found}


def test_every_case_is_tried_somewhere(by_number: dict[str, Case]) -> None:
    """One that was added to the data set needs a profile, or a test of its own."""
    assert tables().keys() == by_number.keys() | OTHER_SHAPES
    assert by_number.keys() == set(NUMBERS)


def with_path(path: str) -> dict[str, bytes]:
    """Return the city's policies with a profile whose path is as somebody wrote it."""
    written = path.replace("\\", "\\\\").replace('"', '\\"')
    profile = f'title = {{ en = "A sensor" }}\ncodec = "json"\n[fields.temperature]\npath = "{written}"\nunit = "Cel"\n'
    return {name: text.encode() for name, text in {**town_files(), "devices/x.toml": profile}.items()}


def refusal(path: str) -> str:
    """Return how a path is refused, or an empty text where a decoder can be made of it."""
    try:
        policies = parse_policies(with_path(path))
    except PolicyError as error:
        return str(error)
    tried = Trial(policies.profiles["x"], policies.properties).take("x", b'{"pm2.5": 1}', 0)
    assert tried.outcome is not None
    return ""


def test_path_with_a_quote_is_read_or_refused_in_one_line() -> None:
    """Case 29: no path brings a traceback; what cannot be one is named with its file and key, and a quoted name is one."""
    table: Any = tables()["29"]["input"]
    wrong = table["device_class"]["fields"]["temperature"]["path"]
    said = {path: refusal(path) for path in (wrong, *table["also_with"])}
    assert said[wrong]
    assert not said['"pm2.5"']
    for line in filter(None, said.values()):
        assert "\n" not in line
        assert line.startswith("`devices/x.toml`: `fields.temperature.path`"), line
