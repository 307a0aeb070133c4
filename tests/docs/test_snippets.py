"""What the pages show as data can be read as such, and names only what the shipped policies name."""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from consent.core.policies.policy import PolicySet
from consent.portal.config import load_portal_config
from gateway.cli import build_parser
from gateway.config import Config, load_config
from tests.docs.pages import Block, Page, pages
from tests.docs.shell import calls
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies

PAGES = pages()
LANGUAGES = {"sh", "console", "text", "json", "python", "toml", "toml gateway.toml", "toml portal.toml", ""}


def blocks(*infos: str) -> list[tuple[str, Block]]:
    """Return (page, block) of all pages."""
    return [(page.name, block) for page in PAGES.values() for block in page.blocks(*infos)]


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """The shipped policies."""
    return load_policies(ROOT / "policies")


def json_values(text: str) -> list[Any]:
    """Read one JSON value, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def test_blocks_say_what_they_are() -> None:
    """So that each is tried out; only the byte dumps of the log's format stand bare."""
    assert {block.info for _, block in blocks()} <= LANGUAGES
    assert {name for name, block in blocks("")} <= {"docs/log-format.md"}


@pytest.mark.parametrize(("name", "block"), blocks("json"))
def test_json_snippet_parses(name: str, block: Block) -> None:
    """As one value, or as one a line."""
    assert json_values(block.text), name


@pytest.mark.parametrize(("name", "block"), blocks("toml", "toml gateway.toml", "toml portal.toml"))
def test_toml_snippet_parses(name: str, block: Block) -> None:
    """Whatever it is a part of."""
    assert tomllib.loads(block.text), name


@pytest.mark.parametrize(("name", "block"), blocks("toml portal.toml"))
def test_portal_toml_snippet_loads(name: str, block: Block, tmp_path: Path) -> None:
    """As the portal itself would read it."""
    file = tmp_path / "portal.toml"
    file.write_text(block.text)
    assert load_portal_config(file).log_folder == "/srv/sluice-log", name


@pytest.mark.parametrize(("name", "block"), blocks("toml gateway.toml"))
def test_configuration_snippet_is_a_configuration(name: str, block: Block, tmp_path: Path) -> None:
    """The gateway would start with it."""
    file = tmp_path / "gateway.toml"
    file.write_text(block.text)
    assert load_config(file).config.gateway, name


@pytest.mark.parametrize(("name", "block"), blocks("python"))
def test_python_snippet_imports_what_there_is(name: str, block: Block) -> None:
    """Every name that it takes from a module is there."""
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)], name


def test_shipped_configuration_loads_and_reaches_every_sink(policies: PolicySet) -> None:
    """What an operator begins with needs no mending."""
    place = load_config(ROOT / "deploy" / "gateway.toml")
    assert {recipient.sink for recipient in policies.recipients.values()} <= place.config.sink.keys()
    assert place.config.clock.simulated is False


def test_shipped_configuration_matches_broker_access_and_service() -> None:
    """The three files that an operator copies speak of the same topics, folders and gateway."""
    config: Config = load_config(ROOT / "deploy" / "gateway.toml").config
    access = (ROOT / "deploy" / "mosquitto.acl").read_text()
    service = (ROOT / "deploy" / "sluice.service").read_text()
    for pattern in config.broker.filters:
        assert f"\ntopic read {pattern}\n" in access
        assert f"\npattern write {pattern.removesuffix('#')}%u/#\n" in access
    assert config.broker.user == f"sluice-{config.gateway}"  # as its client id: one session, whichever the broker goes by
    assert f"\nuser {config.broker.user}\n" in access
    assert f"\ntopic readwrite sluice/sluice-{config.gateway}/mark\n" in access
    assert "\nRuntimeDirectory=sluice\n" in service
    assert config.runtime_folder == "/run/sluice"
    assert "\nStateDirectory=sluice\n" in service
    assert config.state_folder == "/var/lib/sluice"
    assert "\nRuntimeDirectoryMode=0710\n" in service  # as docs/threats.md promises of the sockets' folder
    assert "\nStateDirectoryMode=0700\n" in service
    assert f"\nReadWritePaths=-{config.audit.log_folder}\n" in service


def test_page_on_operating_backs_up_to_where_the_service_may_write() -> None:
    """The running gateway writes the file, in a system that its unit file makes read-only but for some folders."""
    service = (ROOT / "deploy" / "sluice.service").read_text()
    shown = "\n".join(block.text for name, block in blocks("sh") if name == "docs/operating.md")
    folders = set(re.findall(r"sluice backup (/\S+)/", shown))
    assert folders
    for folder in folders:
        assert f"\nReadWritePaths=-{folder}\n" in service
        assert re.search(rf"^install -d -o sluice -g sluice -m 0700 .*{folder}$", shown, re.MULTILINE)


def test_shipped_broker_binds_client_ids_at_each_listener() -> None:
    """Those that an operator is shown how to add as well; a line before the first of them would do nothing."""
    lines = [line.lstrip("# ") for line in (ROOT / "deploy" / "mosquitto.conf").read_text().splitlines()]
    following = [lines[at + 1] for at, line in enumerate(lines) if re.fullmatch(r"listener \d+ [\d.]+", line)]
    assert following == ["use_username_as_clientid true"] * 2


def _scopes(policies: PolicySet) -> set[str]:
    return {*policies.flows, *(f"purpose:{purpose}" for purpose in policies.purposes)}


def _said(page: Page) -> Iterator[tuple[str, str]]:
    """Go through the (kind, id) of everything of the policies that a page's commands name."""
    for words in calls(page, "sluice"):
        args = vars(build_parser().parse_args(words))
        for kind in ("profile", "zone", "scope", "recipient"):
            if args.get(kind):
                yield kind, args[kind].rpartition("/")[2].removesuffix(".toml")  # a profile may be named by its file
        for limit in args.get("limit") or ():
            axis = limit.partition("=")[0]
            if axis.startswith("precision."):
                yield "property", axis.removeprefix("precision.")


def test_commands_name_only_what_the_shipped_policies_name(policies: PolicySet) -> None:
    """Device classes, zones, flows, purposes, recipients and properties in snippets are Ribera's."""
    known = {
        "profile": policies.profiles.keys(),
        "zone": policies.zones.keys(),
        "scope": _scopes(policies),
        "recipient": policies.recipients.keys(),
        "property": policies.properties.keys(),
    }
    assert not [(page.name, kind, name) for page in PAGES.values() for kind, name in _said(page) if name not in known[kind]]


def test_records_shown_are_of_the_shipped_flows(policies: PolicySet) -> None:
    """Flow, purpose, property, unit, retention and cell of each record in the pages fit the policies."""
    cells = {policies.city.id, *policies.districts, *policies.zones}
    shown = [value for _, block in blocks("json") for value in json_values(block.text) if "observedProperty" in value]
    assert {record["identity"] for record in shown} == {"aggregate", "per-epoch", "per-record"}
    for record in shown:
        flow = policies.flows[record["flow"]]
        assert record["purpose"] == flow.purpose
        assert record["observedProperty"] in flow.properties
        assert record["unit"] == policies.properties[record["observedProperty"]].unit
        assert record["retention_days"] == flow.ask.retention_days
        assert record["cell"] in cells


def test_flows_in_the_citizens_table_are_described_as_the_policies_ask(policies: PolicySet) -> None:
    """Title, days, group and flow of `docs/consent.md` are those of the shipped policies."""
    text = PAGES["docs/consent.md"].text
    by_consent = [flow for flow in policies.flows.values() if flow.purpose == "energy-planning"]
    for flow in by_consent:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| “{flow.title['en']}” (`{flow.id}`)")]
        assert f"kept for {flow.ask.retention_days} days" in row
        assert flow.ask.group == 1 or f"at least {flow.ask.group} households" in row
        assert ("noise" in row) is (flow.ask.budget < inf)
