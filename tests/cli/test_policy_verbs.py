"""`sluice policy explain` and `diff` from a shell: with a gateway that runs, with one that does not, and with none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.shell import Done, sluice

ABSENT = 1  # a port that nothing listens on
NOTHING_SUCH = "00" * 16
FLOW = "energy-hourly"
ASK = 'ask = { identity = "aggregate", time = "1h", space = "district", precision = { consumption = 0.1 }'


class Town:
    """A gateway with two households and a street sensor."""

    def __init__(self, live: LiveGateway) -> None:
        """Register them; the first household has agreed to hourly sums, and has a second meter in the old town."""
        self.live = live
        rows = [
            {"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"},
            {"profile": "meter", "zone": "north-quay", "topic": "t/2", "owner": "resident", "subject": "new"},
            {"profile": "air-station", "zone": "bridge-square", "topic": "t/3", "owner": "city", "subject": "none"},
        ]
        first, second, station = live.add_devices(rows)
        self.agreed, self.silent, self.station = first["subject"], second["subject"], station["device"]
        beside = {"profile": "meter", "zone": "convent-garden", "topic": "t/4", "owner": "resident", "subject": self.agreed}
        alike = {**rows[1], "topic": "t/5", "subject": self.silent}
        added, _ = live.add_devices([beside, alike])
        self.meters = [first["device"], added["device"]]
        grant = {"subject": self.agreed, "scope": FLOW, "limits": {"precision": {"consumption": 1}}}
        live.offline([("consent.grant", grant)])
        self.finer = changed(live.folder / "finer", ASK, ASK.replace("0.1", "0.001"))
        self.coarser = changed(live.folder / "coarser", ASK, ASK.replace("1h", "4h"))

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command that ends with a status."""
        done = self.done(*arguments)
        assert done.status == status, done
        return done.out

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Run a command for programs."""
        return json.loads(self.run(*arguments, "--json", status=status))

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused with status 2; return its line."""
        done = self.done(*arguments)
        assert done.status == 2, done
        return done.line

    def done(self, *arguments: str) -> Done:
        """Run a policy command."""
        return sluice(self.live.folder, "policy", *arguments)


CELL = 'cell = "1h"\nclip = 10 '


def changed(folder: Path, old: str, new: str) -> Path:
    """Return a copy of the shipped policies, without keys, with a piece of `city.toml` replaced; electricity has finer cells."""
    shutil.copytree(ROOT / "policies", folder, ignore=shutil.ignore_patterns("keys"))
    text = (folder / "city.toml").read_text()
    assert old in text
    cells = text.replace(CELL, CELL.replace("1h", "15min"))
    assert cells != text
    (folder / "city.toml").write_text(cells.replace(old, new))
    return folder


@pytest.fixture(scope="module", params=["running", "offline"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A gateway that runs, or one that does not."""
    live = LiveGateway(tmp_path_factory.mktemp(request.param) / "g", ABSENT)
    try:
        made = Town(live)
        if request.param == "running":
            live.start()
        yield made
        if live.process is not None:
            assert live.stop() == 0
            assert "Traceback" not in live.log()
        assert live.verify().exit_status == 0
    finally:
        live.end()


def test_explain_of_a_subject_tells_each_outcome_once_with_what_it_rests_on(town: Town) -> None:
    """Two meters in two neighbourhoods are two outcomes; each names its log entries and since when."""
    answer = town.json("explain", town.agreed, FLOW)
    quay, convent = answer["outcomes"]
    assert (answer["flow"], answer["language"]) == (FLOW, "en")
    assert [outcome["zone"] for outcome in (quay, convent)] == ["north-quay", "convent-garden"]
    assert [each["device"] for outcome in (quay, convent) for each in outcome["devices"]] == town.meters
    bounds = {note["axis"]: note["bounded_by"] for note in convent["axes"]}
    assert (bounds["group"], bounds["time"]) == (["ask"], ["neighbourhood:convent"])
    assert bounds["precision.consumption"] == ["consent:0"]
    assert (quay["disclosure"]["group"], convent["disclosure"]["group"]) == (15, 15)
    (entry,) = quay["consent_entries"]
    assert entry > quay["policy_entry"] > 0
    assert all(each["since_ms"] > 0 for each in quay["devices"])


def test_explain_for_people_is_a_sentence_and_who_bounds_what(town: Town) -> None:
    """In the language that is asked for."""
    text = " ".join(town.run("explain", town.meters[1], FLOW, "--language", "es").split())
    assert "al menos 15 participantes" in text
    assert "acierta sobre su día, como mucho, " in text
    assert "en tramos de cuatro horas; lo limita: el límite del barrio «Alrededores del convento»" in text
    assert "en pasos de 1 kWh; lo limita: su propia respuesta" in text
    assert f"dispositivo {town.meters[1]} desde 20" in text
    assert "entradas del registro políticas " in text


@pytest.mark.parametrize(
    ("language", "said"), [("en", "not been given"), ("es", "todavía no consta"), ("pt", "ainda não consta")]
)
def test_explain_of_one_who_has_not_been_asked_says_that_nothing_leaves(town: Town, language: str, said: str) -> None:
    """Three languages; the data say why."""
    (outcome,) = town.json("explain", town.silent, FLOW, "--language", language)["outcomes"]
    assert (outcome["reason"], outcome["disclosure"]["identity"], outcome["consent_entries"]) == ("no-consent", "none", [])
    assert [each["since_ms"] for each in outcome["devices"]] == [None, None]
    assert said in outcome["text"]


def test_explain_of_the_citys_own_sensor_speaks_of_no_household(town: Town) -> None:
    """And of a flow that takes none of its readings, that it is not read for it."""
    (outcome,) = town.json("explain", town.station, "city-sensors")["outcomes"]
    assert "belongs to no household" in outcome["text"]
    assert town.json("explain", town.station, FLOW)["outcomes"][0]["reason"] == "not-measured"
    assert town.json("explain", town.agreed, "city-sensors")["outcomes"][0]["reason"] == "not-measured"


def test_explain_knows_which_resident_asks(town: Town) -> None:
    """The one resident of a household is the one who asks, named or not."""
    (resident,) = json.loads(sluice(town.live.folder, "consent", "show", town.agreed, "--json").out)["residents"]
    named = town.json("explain", town.agreed, FLOW, "--resident", resident)
    assert named == town.json("explain", town.agreed, FLOW)
    assert "no such resident" in town.refused("explain", town.agreed, FLOW, "--resident", NOTHING_SUCH)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((NOTHING_SUCH, FLOW), "there is no such device or subject"),
        (("nonsense", FLOW), "`who` is no id of 32 hexadecimal digits"),
        (("SUBJECT", "energy-yearly"), "there is no flow `energy-yearly`"),
    ],
)
def test_explain_of_what_there_is_not_is_one_clear_line(town: Town, arguments: tuple[str, ...], line: str) -> None:
    """Status 2, and no id is repeated."""
    assert town.refused("explain", *(town.agreed if word == "SUBJECT" else word for word in arguments)) == line


def test_diff_with_what_is_in_force_counts_the_subjects(town: Town) -> None:
    """A finer ask ends the one consent that stands, and rises for whoever agrees; two households are fewer than ten."""
    found = town.json("diff", "in-force", "finer", status=1)
    meters = [row for row in found["changes"] if row["profile"] == "meter" and row["whose"] == "whoever agrees"]
    assert {(row["axis"], row["old"], row["new"], tuple(row["count"])) for row in meters} == {
        ("precision.consumption", "0.1 kW.h", "0.001 kW.h", (1, 9))
    }
    (standing,) = [row for row in found["changes"] if row["whose"] == "as consents stand"]
    assert (standing["direction"], standing["axis"], standing["count"], standing["zones"]) == ("falls", "all", [1, 9], [])
    assert (standing["old"], standing["new"]) == ("", "nothing (invalidated)")
    text = town.run("diff", "in-force", "finer", status=1)
    assert "0.1 kW.h → 0.001 kW.h" in text
    assert "whoever agrees: fewer than 10 subjects" in text
    assert all(each not in text + json.dumps(found) for each in (town.agreed, town.silent, *town.meters))


def test_diff_where_something_rises_is_a_finding_unless_accepted(town: Town) -> None:
    """1, or 0 with `--accept`; what merely falls is well."""
    assert town.run("diff", "in-force", "finer", "--accept") == town.run("diff", "in-force", "finer", status=1)
    assert "falls" in town.run("diff", "in-force", "coarser")
    assert "rises" in town.run("diff", "coarser", "in-force", status=1)


def test_diff_of_what_is_in_force_with_its_own_folder_is_quiet(town: Town) -> None:
    """The keys that lie in the folder are those in force."""
    assert town.run("diff", "in-force", "policies") == town.run("diff", "policies", "in-force") == ""
    assert town.json("diff", "in-force", "policies") == {"rises": False, "changes": [], "rules": []}


def test_diff_sees_a_recipients_key_that_was_exchanged(town: Town) -> None:
    """The policies are the same to the letter, and somebody else reads along."""
    other = town.live.folder / "other"
    shutil.copytree(town.live.folder / "policies", other)
    shutil.copy(other / "keys" / "city-environment.pub", other / "keys" / "city-energy.pub")
    (rule,) = town.json("diff", "in-force", "other", status=1)["rules"]
    assert (rule["direction"], rule["key"]) == ("rises", "recipient.city-energy public key")


def test_diff_of_a_bad_folder_is_refused(town: Town) -> None:
    """One line that names the folder, the file and the key."""
    broken = town.live.folder / "broken"
    if not broken.exists():
        changed(broken, 'space = "block"', 'space = "bloc"')
    assert "`broken`: `city.toml`: `flow.city-sensors.ask.space`: `bloc`" in town.refused("diff", "in-force", "broken")
    assert "no policies folder `nowhere`" in town.refused("diff", "nowhere", "finer")


def test_diff_with_no_gateway_weighs_whoever_agrees_and_counts_nobody(tmp_path: Path) -> None:
    """In a folder of policies alone; what is in force cannot be known there."""
    old, new = (changed(tmp_path / name, ASK, ASK.replace("0.1", step)) for name, step in (("old", "0.1"), ("new", "0.001")))
    done = sluice(tmp_path, "policy", "diff", "old", "new")
    assert done.status == 1
    assert "0.001" in done.out
    assert "subjects" not in done.out
    data = json.loads(sluice(tmp_path, "policy", "diff", str(old), str(new), "--json", "--accept").out)
    assert {row["count"] for row in data["changes"]} == {None}
    assert sluice(tmp_path, "policy", "diff", "new", "new") == Done(0, "", "")
    assert "name it with `--config`" in sluice(tmp_path, "policy", "diff", "old", "in-force").line


def test_diff_with_a_configuration_whose_gateway_has_not_begun_says_so(tmp_path: Path) -> None:
    """Nothing is begun just to compare."""
    live = LiveGateway(tmp_path / "g", ABSENT)
    named = sluice(live.folder, "policy", "diff", "policies", "policies", "--config", "gateway.toml")
    assert (named.status, named.line.endswith("there is no gateway's database")) == (2, True)
    assert sluice(live.folder, "policy", "diff", "policies", "policies") == Done(0, "", "")
    assert not live.place.state.exists()
