"""`docs/limits.md` alone says what is missing or weak, and each of its lines names a test that fails once it is not so.

The tests of the lines themselves stand at the end, as far as no other test sees what they say.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from inspect import signature
from pathlib import Path

import msgspec
import pytest

from consent.citizen_messages import ActProved
from consent.core.policies.accounting import overspent
from consent.core.profiles.fields import FieldTable
from consent.core.profiles.parse import ProfileTable
from consent.core.profiles.profile import Codec
from consent.device_messages import Discover
from consent.messages import KeyRotation
from consent.portal.answers import Who
from consent.portal.routes import ROUTES
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import ReleasedDraw
from gateway.cli import build_parser
from gateway.config import ConfigError, load_config
from gateway.control.methods import METHODS
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import NO_READING, Reading
from gateway.core.plans import Device
from tests.docs.pages import pages
from tests.docs.shell import leaves
from tests.support.checkout import ROOT
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MINUTE_MS, Gate, reading, result_of, town

PAGE = "docs/limits.md"
COMMANDS = {words for words, _ in leaves(build_parser())}

TELLING = re.compile(
    r"\b(?:yet|so far|for now|for the time being|not (?:implemented|supported|made|built)"
    r"|no (?:command|screen|guard)s? (?:for|against)|left out on purpose|coming|upcoming|planned|future"
    r"|(?:later|next) versions?|in this version|before 1\.0"
    r"|weak points?|weakness(?:es)?|known issues?|some day)\b",
    re.IGNORECASE,
)
"""What one writes of a thing that is missing or weak."""

INNOCENT = (
    # of a moment in the life of a reading, a household or a file, and not of the program
    "a household that is not known yet",
    "handed over and not acknowledged yet",
    "have not decided yet",
    "has said nothing yet",
    "has not left yet",
    "files not yet finished",
    "not dry yet",
    "none has confirmed the log yet",
    "not answered yet",
    "no checkpoint covers yet",
    "full yet",
    "in no publication yet",
    "written and not yet acknowledged",
    "do not know yet whether it holds",
    "nobody knows yet",
    "coming in",  # of people, by the citizens' door
)
"""What is cut out before the search; each stands somewhere."""

PACKAGES = ("gateway", "consent", "firmware_sim", "deploy")
_ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<meaning>[^|]+) \| `(?P<path>[\w/]+\.py)::(?P<name>test_\w+)` \|$", re.MULTILINE)


@cache
def texts() -> dict[str, str]:
    """Return what is searched, by path: all pages but the one, and the docstrings of modules; each in one line."""
    found = {name: page.text for name, page in pages().items() if name != PAGE}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found[path.relative_to(ROOT).as_posix()] = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return {name: " ".join(text.split()) for name, text in found.items()}


def told(text: str) -> Iterator[str]:
    """Go through what a text says of things missing or weak, each with some words around it."""
    for phrase in INNOCENT:
        text = text.replace(phrase, "")
    for match in TELLING.finditer(text):
        yield text[max(match.start() - 60, 0) : match.end() + 30]


def rows() -> list[re.Match[str]]:
    """Return the lines of the page's tables."""
    return list(_ROW.finditer(pages()[PAGE].text))


def test_nothing_else_says_what_is_missing_or_weak() -> None:
    """Two places for one fact are one that is wrong some day."""
    found = [f"{name}: …{words}…" for name, text in texts().items() for words in told(text)]
    assert not found, "\n".join(["belongs in docs/limits.md, or in INNOCENT where it is not about the program:", *found])


@pytest.mark.parametrize(
    "phrase", ["Noise is not there yet.", "There are no screens for it.", "A known weak point.", "Left out so far"]
)
def test_search_finds_what_one_would_write(phrase: str) -> None:
    """A search that finds nothing would hold anywhere."""
    assert list(told(phrase))


def test_innocent_phrases_all_stand_somewhere() -> None:
    """What stands nowhere any more, or needs no excuse, would hide what comes later."""
    assert [phrase for phrase in INNOCENT if not TELLING.search(phrase)] == []
    assert [phrase for phrase in INNOCENT if not any(phrase in text for text in texts().values())] == []


def test_every_line_of_the_page_names_a_test_that_there_is() -> None:
    """A function of that name, in that file."""
    lines = [line for line in pages()[PAGE].text.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    assert len(rows()) == len(lines) > 10, "a line without a test"
    for row in rows():
        tree = ast.parse((ROOT / row["path"]).read_bytes())
        assert row["name"] in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_of_a_limit_is_named_by_the_page() -> None:
    """A limit that is tested and not told is a limit that nobody knows."""
    here = Path(__file__).resolve().relative_to(ROOT).as_posix()
    named = {row["name"] for row in rows() if row["path"] == here}
    assert named == {name for name in globals() if name.startswith("test_limit_")}


def hour(gate: Gate, use: list[tuple[Device, float]]) -> list[float | int]:
    """Let homes use so much in the next full hour; return the figures that leave at its end."""
    begin = -(-gate.now_ms // HOUR_MS) * HOUR_MS
    gate.to(begin)
    gate.take(*(reading(home, begin + MINUTE_MS, kwh=kwh) for home, kwh in use))
    gate.to(begin + HOUR_MS + LATENESS_MS)
    return result_of(gate.records(), "hourly")


# what is not there


def test_limit_no_standing_terms() -> None:
    """No page for them, and no method that would take them."""
    assert "/my/terms" not in {route.path for route in ROUTES}
    assert not [name for name in METHODS if "terms" in name or "standing" in name]


def test_limit_no_recipient_of_ones_own() -> None:
    """The pages of one's own readings take no form, and no method names a recipient but the city's."""
    of_readings = [route for route in ROUTES if route.path.startswith("/my/readings")]
    assert len(of_readings) == 3
    assert not [route.path for route in of_readings if route.form is not None]
    assert not [name for name in METHODS if name.startswith("recipient") or "readings" in name.removesuffix(".show")[8:]]


def test_limit_counter_has_commands_alone() -> None:
    """Nobody but a resident comes in, and a clerk's page has no address."""
    assert {who.value for who in Who} == {"anyone", "signed-in"}
    assert not [route.path for route in ROUTES if "counter" in route.path or "staff" in route.path]


def test_limit_erasing_is_of_everything() -> None:
    """What it takes is who confirms it, and no period."""
    (erase,) = [route for route in ROUTES if route.path == "/my/erase"]
    assert {field.name for field in msgspec.structs.fields(ActProved)} == {"proof", "paper_code"}
    assert not [field.name for field in erase.fields if "day" in field.name or "from" in field.name or "until" in field.name]


def test_limit_flow_named_like_an_own_page_has_no_question() -> None:
    """Rules may name a flow so, and the page of that name comes first."""
    assert "keys" in town(("flow.hourly", "flow.keys")).flows
    paths = [route.path for route in ROUTES]
    assert paths.index("/my/keys") < paths.index("/my/{flow}")


def test_limit_sinks_are_mqtt_alone(tmp_path: Path) -> None:
    """A sink of another kind is refused, however it is written."""
    file = tmp_path / "gateway.toml"
    least = 'gateway = "gw"\n[broker]\nfilters = ["t/#"]\n[sink.city]\n'
    file.write_text(f'{least}host = "city.example"\n')
    assert load_config(file).config.sink.keys() == {"city"}
    for other in (
        'kind = "nats"',
        'kind = "http"',
        'kind = "https"',
        'url = "https://city.example"',
        'servers = ["nats://city.example"]',
    ):
        file.write_text(f"{least}{other}\n")
        with pytest.raises(ConfigError):
            load_config(file)


def test_limit_no_bytes_in_messages() -> None:
    """No codec is one of the binary forms by name, and no field is told by its offset and width in bytes."""
    assert not {"bytes", "binary", "cayenne-lpp", "protobuf", "dsmr", "paxcounter"} & {codec.value for codec in Codec}
    assert not {"at", "width", "signed", "order"} & {field.name for field in msgspec.structs.fields(FieldTable)}


def test_limit_no_message_explains_another() -> None:
    """No codec is one of these conventions, and a decoder is handed one message."""
    assert not {"sparkplug-b", "homie"} & {codec.value for codec in Codec}
    profile = town().profiles["meter"]
    first, second = (compile_decoder(profile)("t", payload, 0) for payload in (b'{"kwh":1,"t":5}', b'{"t":6}'))
    assert isinstance(first, Reading)
    assert second is NO_READING


def test_limit_devices_stand_in_one_zone() -> None:
    """No device profile says where a message has its place, and the cells that moving things need are no dependency."""
    assert not {"place", "location", "position", "space", "cell"} & {field.name for field in msgspec.structs.fields(ProfileTable)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [name for name in project["dependencies"] if name.startswith("h3")]


def test_limit_keys_need_nobody_else() -> None:
    """No command asks for a second person's share or yes."""
    assert {words for words in COMMANDS if words.startswith("keys")} == {"keys init", "keys rotate", "keys status"}
    assert set(KeyRotation.__struct_fields__) == {"key"}


def test_limit_no_fleet() -> None:
    """No package, no command."""
    assert find_spec("gateway.fleet") is None
    assert not [words for words in COMMANDS if "fleet" in words]


def test_limit_nothing_writes_a_reidentification() -> None:
    """The kind is named where entries are defined, and nowhere else."""
    naming = [path for path in (ROOT / "gateway").rglob("*.py") if f"Kind.{Kind.REIDENTIFICATION.name}" in path.read_text()]
    assert naming == []
    assert not [words for words in COMMANDS if "identif" in words]


def test_limit_version_is_before_the_first() -> None:
    """Of the distribution."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version.startswith("0.")


# where it is weak


def test_limit_the_draw_of_noise_is_nowhere_recorded() -> None:
    """A payload tells by which mechanism a draw was made, and what it gave of homes; never the noise itself."""
    assert not [name for name in ReleasedDraw.__struct_fields__ if "noise" in name or "drawn" in name]


def test_limit_mu_is_of_one_gateway() -> None:
    """What policies permit is accounted for from themselves: there is no place for what another gateway reads."""
    assert list(signature(overspent).parameters) == ["policies"]


def test_limit_same_total_under_two_pseudonyms() -> None:
    """Two recipients get the totals of the same homes: no name is in both, and the values join them."""
    flow = town().files["city.toml"].decode().split("\n[flow.daily]")[1].split("\n[flow.")[0]
    other = flow.replace('recipient = "office"', 'recipient = "bureau"')
    bureau = '[recipient.bureau]\ntitle = { en = "Bureau" }\npublic_key_file = "keys/bureau.pub"\nsink = "city"\n'
    gate = Gate(
        town(("[recipient.public]", f"{bureau}\n[recipient.public]"), ("\n[flow.raw]", f"\n[flow.too]{other}\n[flow.raw]"))
    )
    homes = gate.homes(3, "daily", "too")
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=n + 0.25) for n, home in enumerate(homes)))
    gate.to(gate.now_ms + DAY_MS + HOUR_MS)
    one, two = ({record.pseudonym: record.result for record in gate.records(name)} for name in ("office", "bureau"))
    assert len(one) == len(two) == 3
    assert not one.keys() & two.keys()
    assert sorted(one.values()) == sorted(two.values()) == [0.255, 1.255, 2.255]  # middles of a coarser step


def test_limit_discovery_has_no_filters_of_its_own() -> None:
    """It is asked how long, and not where: it looks at what the gateway's session brings."""
    assert {field.name for field in msgspec.structs.fields(Discover)} == {"for_s", "report"}


def test_limit_no_witness_as_shipped() -> None:
    """The configuration that operators copy."""
    assert load_config(ROOT / "deploy" / "gateway.toml").config.audit.witness_policy is None
