"""What policies may no longer ask: read as it was meant, listed beside the set, refused by whoever would put it in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.core.cases.cases import try_case
from consent.core.cases.parse import read_cases
from consent.core.outcome import UNSUPPORTED, decide_device, outcome, reason_besides
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import LegalBasis, Statistic
from consent.core.policies.unsupported import ONE_HOMES_VALUE
from consent.core.review.population import agreeing
from consent.core.review.reach import NOTHING, reach_of
from consent.errors import PolicyError
from tests.support.consent_samples import NOW_MS, agreed, policies, small_city
from tests.support.gate import town
from tests.support.policy_folder import load_policies

LOUDEST = ('statistic = { consumption = "sum" }', 'statistic = { consumption = "max" }')
KEY = "flow.hourly.statistic.consumption"
SAID = "`max` over households is the value of one of them: write `mean`"


def test_set_that_asks_it_is_read_as_it_was_meant() -> None:
    """Nothing of it is lost, and what it may no longer ask is listed with file, key and what to write instead."""
    asking = policies(LOUDEST)
    assert asking.flows["hourly"].statistic == {"consumption": Statistic.MAX}
    assert [(one.file, one.key, one.message) for one in asking.unsupported] == [("city.toml", KEY, SAID)]
    assert policies().unsupported == ()


def test_set_that_asks_it_is_refused_by_whoever_would_put_it_in_force(tmp_path: Path) -> None:
    """The error is that of a broken file; the policies in force would never be read in this way."""
    for path, data in small_city(LOUDEST).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with pytest.raises(PolicyError) as raised:
        load_policies(tmp_path)
    assert str(raised.value) == f"`city.toml`: `{KEY}`: {SAID}"
    policies().refuse_unsupported()


def test_what_cannot_be_understood_is_an_error_for_everybody() -> None:
    """A statistic that no version knows is not one that is no longer permitted."""
    with pytest.raises(PolicyError, match="`median` is none of count, sum"):
        parse_policies(small_city(('statistic = { consumption = "sum" }', 'statistic = { consumption = "median" }')))


@pytest.mark.parametrize("statistic", sorted(set(Statistic) - {Statistic.TYPICAL_DAY}))
def test_statistics_of_one_home_are_for_devices_of_the_citys_own(statistic: Statistic) -> None:
    """Over homes the energy-mean is the loudest, and the extremes are one home's value; a public task has no homes."""
    by_consent = town(
        ('statistic = { LAeq = "mean" }\npurpose = "quiet"', f'statistic = {{ LAeq = "{statistic}" }}\npurpose = "quiet"')
    )
    public = town(
        ('statistic = { LAeq = "mean" }\npurpose = "streets"', f'statistic = {{ LAeq = "{statistic}" }}\npurpose = "streets"')
    )
    assert by_consent.purposes["quiet"].legal_basis is LegalBasis.CONSENT
    assert [one.flow for one in by_consent.unsupported] == (["nights"] if statistic in ONE_HOMES_VALUE else [])
    assert public.unsupported == ()


def test_one_rule_withholds_it_from_outcomes_decisions_reviews_and_cases() -> None:
    """Whoever asks what leaves of a home is told `unsupported`; what the home said goes before."""
    asking = policies(LOUDEST)
    flow, given = asking.flows["hourly"], [agreed(asking, "hourly")]
    decision = decide_device(asking, "hourly", given, "mill", "meter", NOW_MS)
    assert decision.reason == UNSUPPORTED
    assert outcome(asking, flow, "consumption", decision, "mill").reason == UNSUPPORTED
    assert decide_device(asking, "hourly", [None], "mill", "meter", NOW_MS).reason == "no-consent"
    assert reason_besides(asking, "hourly", "meter", decision) == UNSUPPORTED
    reach = reach_of(asking, "hourly", "meter", "mill", [agreeing(asking, "hourly")])
    assert reach.label == f"{NOTHING} ({UNSUPPORTED})"
    text = b'[case.one]\ndevice = "meter"\nzone = "mill"\nflow = "hourly"\nresidents = [{}]\ndisclosure = { time = "1h" }\n'
    (case,) = read_cases("one.cases.toml", text.replace(b"[{}]", b'[{ status = "Given" }]'), asking)
    assert try_case(asking, case).got == f"`{UNSUPPORTED}`"
    (same,) = read_cases("one.cases.toml", text.replace(b"[{}]", b'[{ status = "Given" }]'), policies())
    assert try_case(policies(), same).passed


def test_rest_of_a_flow_goes_on() -> None:
    """Only the property whose statistic may no longer be asked is withheld."""
    asking = town(
        (
            'properties = ["consumption"]\nstatistic = { consumption = "sum" }',
            'properties = ["consumption", "LAeq"]\nstatistic = { consumption = "sum", LAeq = "energy-mean" }',
        )
    )
    flow = asking.flows["hourly"]
    decision = decide_device(asking, "hourly", [agreeing(asking, "hourly")], "mill", "meter", 0)
    assert decision.reason == reason_besides(asking, "hourly", "meter", decision) == ""
    reasons = [outcome(asking, flow, name, decision, "mill").reason for name in flow.properties]
    assert reasons == ["", UNSUPPORTED]
    assert outcome(asking, flow, "LAeq", decision, "mill", as_meant=True).reason == ""
    axes = [axis for axis, _ in reach_of(asking, "hourly", "meter", "mill", [agreeing(asking, "hourly")]).steps]
    assert "precision.consumption" in axes
    assert "precision.LAeq" not in axes
