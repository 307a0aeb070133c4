"""`sluice check` of whatever people write: it is well, or each fault is one line with file and key; never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent.policy_files import read_case_files, read_policy_files
from consent.printable import printable
from gateway.check import brokers
from gateway.cli import main
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.mutated_toml import mutants

_MANY = settings(
    deadline=None,
    max_examples=60,
    phases=[Phase.reuse, Phase.generate],  # a file differs in three places at most: smaller is not worth minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_ALSO = ("rtl433-events", "smart-citizen", "milesight-em300-th-chirpstack-4")
"""Profiles beside the city's own: of a hub, of a list, of a network."""
_FOLDER = ROOT / "policies"
_POLICIES = [*read_policy_files(_FOLDER), *read_case_files(_FOLDER), *(f"devices/{name}.toml" for name in _ALSO)]

EXTRA = """
[metrics]
port = 9464

[clock]
simulated = true
start = "2026-05-01T00:00:00Z"
"""


def _tables(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(), parse_float=Decimal)


_SHIPPED = {path: _tables(ROOT / "policies" / path) for path in _POLICIES}
_MUTANTS = st.sampled_from(_POLICIES).flatmap(lambda path: st.tuples(st.just(path), mutants(_SHIPPED[path])))


def verdict(*arguments: str) -> None:
    """Check in this process, and judge what it says: no error of Python's, and each fault one printable line with its file."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["check", "--json", *arguments])
    assert status in (0, 1, 2)
    assert out.getvalue().count("\n") == 1
    found = json.loads(out.getvalue())
    assert (status == 2) == bool(found["errors"])
    assert (status == 1) == bool(not found["errors"] and found["failed"])
    lines = err.getvalue().splitlines()
    assert len(lines) == len(found["errors"])
    for error, line in zip(found["errors"], lines, strict=True):
        where = f"`{error['file']}`: `{error['key']}`" if error["key"] else f"`{error['file']}`"
        assert line == f"sluice: {where}: {error['message']}"
        assert line == printable(line)
        assert len(line) < 2500
        assert error["file"]
        assert error["message"]
    for note in found["notes"]:
        assert f"{note['file']}{note['key']}{note['message']}".isprintable()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's folder."""
    folder = tmp_path_factory.mktemp("any") / "g"
    LiveGateway(folder, port=1, extra=EXTRA)
    city = folder / "policies/city.toml"
    also = ", ".join(f'"{name}"' for name in _ALSO)
    city.write_text(city.read_text().replace('"footfall"]', f'"footfall", {also}]'))
    return folder


@pytest.fixture
def spoilt(installed: Path) -> Iterator[Callable[[str, str], None]]:
    """Spoils one file of a gateway's folder for as long as one example lasts; the brokers are away."""
    original: dict[Path, bytes] = {}

    def write(path: str, text: str) -> None:
        file = installed / path
        restore()
        original[file] = file.read_bytes()
        file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")

    def restore() -> None:
        for file, data in original.items():
            file.write_bytes(data)

    yield write
    restore()


@_MANY
@given(changed=_MUTANTS)
def test_policies_changed_at_will_are_well_or_faulty_line_by_line(
    changed: tuple[str, str], spoilt: Callable[[str, str], None], installed: Path
) -> None:
    """City, neighbourhoods, device classes, cases; any key, any value."""
    path, text = changed
    spoilt(f"policies/{path}", text)
    verdict("--policies", str(installed / "policies"))


@_MANY
@given(data=st.data())
def test_configuration_changed_at_will_is_well_or_faulty_line_by_line(
    data: st.DataObject, spoilt: Callable[[str, str], None], installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any key, any value; nothing is asked of any broker."""

    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(brokers, "ask_terms", away)
    tables = data.draw(st.just(tomllib.loads(_CONFIG or _read(installed), parse_float=Decimal)))
    spoilt("gateway.toml", data.draw(mutants(tables)))
    verdict("--config", str(installed / "gateway.toml"))


_CONFIG = ""


def _read(installed: Path) -> str:
    """Return the configuration as it was written."""
    global _CONFIG  # noqa: PLW0603  read once, before it is spoilt
    _CONFIG = (installed / "gateway.toml").read_text()
    return _CONFIG
