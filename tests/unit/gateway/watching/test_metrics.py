"""What Prometheus is told: in its own format, of what is so at the moment, with labels from closed sets."""

from __future__ import annotations

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.audit.log.balances import is_account
from gateway.watching.health import REASONS
from gateway.watching.machine import Machine
from gateway.watching.metrics import Figures
from gateway.watching.notify import Notifier
from gateway.watching.watch import Watch
from tests.support.watched_gateway import watched_gateway


async def test_figures_are_those_of_the_moment(tmp_path: Path) -> None:
    """The second scrape sees what has changed."""
    async with watched_gateway(tmp_path) as scene:
        first = scene.samples()
        scene.app.durable.state.ledger.add("frames.received", 3)
        scene.app.durable.pulse.batch_frames.add(3)
        scene.app.durable.pulse.turned(0.3)
        second = scene.samples()
    account = 'sluice_account{account="frames.received"}'
    assert (first.get(account), second[account]) == (None, 3.0)
    assert (first["sluice_batch_frames_count"], second["sluice_batch_frames_count"]) == (0.0, 1.0)
    assert second['sluice_batch_frames_bucket{le="1.0"}'] == 0.0
    assert second['sluice_batch_frames_bucket{le="3.0"}'] == second['sluice_batch_frames_bucket{le="+Inf"}'] == 1.0
    assert second["sluice_loop_longest_turn_seconds"] == 0.3
    assert second["sluice_ledger_imbalances"] == 1.0  # three frames of which nothing has become


async def test_gateway_that_is_starting_tells_of_itself_what_is_known(tmp_path: Path) -> None:
    """That it is not ready, why, and the machine's figures."""
    async with watched_gateway(tmp_path) as scene:
        scene.watch.app = None
        samples = scene.samples()
    assert samples["sluice_ready"] == 0.0
    assert samples['sluice_not_ready{reason="starting"}'] == 1.0
    assert samples["sluice_memory_bytes"] > 0
    assert "sluice_log_entries" not in samples


async def test_labels_are_words_of_the_program_or_of_the_city(tmp_path: Path) -> None:
    """Each label has its closed set, so that none could hold a topic, an id or a value."""
    async with watched_gateway(tmp_path) as scene:
        state = scene.app.durable.state
        state.ledger.add("frames.received", 1)
        state.ledger.add("frames.rejected.malformed", 1)
        recipients = set(state.policies.recipients)
        families = list(text_string_to_metric_families(scene.text()))
    found = {(label, value) for each in families for one in each.samples for label, value in one.labels.items() if label != "le"}
    by_label = {label: {value for name, value in found if name == label} for label, _ in found}
    assert all(is_account(value) for value in by_label.pop("account"))
    assert by_label.pop("reason") == set(REASONS)
    assert by_label.pop("folder") == {"state", "log"}
    assert by_label.pop("recipient", set()) <= recipients
    assert by_label.pop("sink") == {"city"}
    assert not by_label


async def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    """Names, units and help are as Prometheus would have them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("`promtool` is not installed")
    async with watched_gateway(tmp_path) as scene:
        text = scene.text()
    checked = await asyncio.create_subprocess_exec(promtool, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    said = await checked.communicate(text.encode())
    assert (checked.returncode, *said) == (0, b"", b"")


async def test_each_family_says_what_it_is(tmp_path: Path) -> None:
    """In a sentence of its own, whether or not it has a sample at the moment."""
    async with watched_gateway(tmp_path) as scene:
        families = list(text_string_to_metric_families(scene.text()))
    texts = [family.documentation for family in families]
    assert len(families) >= 50
    assert len(set(texts)) == len(texts)
    assert all(re.fullmatch(r"[A-Z][^.]+", text) for text in texts)


async def test_disk_that_is_unknown_has_no_sample(tmp_path: Path) -> None:
    """Zero would be taken for no wear at all."""
    async with watched_gateway(tmp_path) as scene:
        scene.machine = Machine(scene.app.durable.place, tmp_path / "hidden", tmp_path / "hidden")
        text = Figures(Watch(Notifier()), scene.machine).text().decode()
    assert "# TYPE sluice_disk_written_bytes_total counter\n" in text
    assert "\nsluice_disk_written_bytes_total " not in text
