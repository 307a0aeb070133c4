"""`kill -9` of the gateway at any moment: every reading that the broker acknowledged reaches the city exactly once.

The links to the brokers are slow, so that at nearly every kill some frames are committed whose acknowledgement the broker has not
got, and it sends them again; a test in which it never did so has shown nothing and fails. At some kills a commit is kept waiting
instead, so that whatever was acknowledged or sent too early is lost or doubled for certain.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from gateway.edge.store.database import DATABASE_FILE
from tests.crash.scene import FIGURES_OFFICE, Publishing, Scene, fresh_seed, held_disk, scene
from tests.crash.slow_link import HELD_S
from tests.support.waiting import HANG_S

LINK_S = 0.05
TICK_S = 0.2
MOST_S = 600
"""So long sensors could publish; they stop when the kills are done."""


def kill_at_random(stage: Scene, kill: int) -> None:
    """Kill and start again, at a random moment of the work; of five times once in the start, and once in a commit."""
    if kill % 5 == 4:
        stage.run_for_s(0, 0.6, answering=False)
        stage.kill_and_start()
    else:
        stage.run_for_s(0.05, 0.7)
        if kill % 5 == 2:
            stage.kill_in_a_commit()
        else:
            stage.kill_and_start()


def kill_until_sent_again(stage: Scene, sensors: Publishing) -> None:
    """Kill on until something was sent again for want of an answer: each kill may miss the moment between commit and answer."""
    while not stage.live.status()["ledger"].get("frames.rejected.redelivered", 0):
        assert sensors.running, "nothing was sent again"
        kill_at_random(stage, 2)


def test_gateway_killed_ten_times_under_load_every_reading_arrives_once(tmp_path: Path) -> None:
    """More frames than there are packet identifiers, ten kills: nothing lost, nothing twice, the figures right, the log whole."""
    with scene(tmp_path, fresh_seed()) as stage:
        stage.link.there_s, stage.upstream.there_s = LINK_S, 0.01
        with stage.publishing(MOST_S * 6000, MOST_S) as sensors:
            for kill in range(10):
                kill_at_random(stage, kill)
            kill_until_sent_again(stage, sensors)
            assert sensors.running, "the kills were not under load"
            sensors.stop(least=66_000)
        ledger = stage.check(sensors.published, least_hours=2)
        assert ledger["frames.rejected.redelivered"] > 0
        assert ledger["frames.received"] - ledger["frames.rejected.redelivered"] == len(sensors.published) > 65_535
        assert ledger["frames.admitted"] == len(sensors.published)


def test_broker_restarted_between_kills_changes_nothing(tmp_path: Path) -> None:
    """The broker keeps its queue over a restart; what sensors repeat for want of an answer is known for a repeat."""
    with scene(tmp_path, fresh_seed()) as stage:
        stage.link.there_s = LINK_S
        with stage.publishing(MOST_S * 3000, MOST_S) as sensors:
            stage.run_for_s(0.3, 0.6)
            stage.broker.restart()
            stage.run_for_s(0.3, 0.6)
            stage.live.kill()
            stage.broker.restart()
            stage.live.start()
            stage.run_for_s(0.1, 0.5)
            stage.kill_and_start()
            kill_until_sent_again(stage, sensors)
            assert sensors.running, "the restarts were not under load"
            sensors.stop()
        assert sensors.reconnects >= 2
        assert stage.check(sensors.published)["frames.rejected.redelivered"] > 0


@pytest.mark.slow
def test_gateway_killed_sixty_times_and_brokers_restarted_every_reading_arrives_once(tmp_path: Path) -> None:
    """Sixty kills over links of changing speed, six more while figures leave, and a broker restart after every fifteenth."""
    with scene(tmp_path, fresh_seed()) as stage:
        with stage.publishing(3 * 1_600_000, 3 * MOST_S) as sensors:
            for kill in range(60):
                stage.link.there_s = stage.random.choice((0.0, 0.002, 0.02, 0.1))
                stage.link.back_s = stage.random.choice((0.0, 0.0, 0.02))
                stage.upstream.there_s = stage.random.choice((0.0, 0.002, 0.02))
                stage.upstream.back_s = stage.random.choice((0.0, 0.002, 0.1))
                kill_at_random(stage, kill)
                if kill % 10 == 9:
                    stage.kill_in_a_publication(committed=kill % 20 == 9)
                if kill % 15 == 14:
                    stage.broker.restart()
            assert sensors.running, "the kills were not under load"
            sensors.stop()
        assert stage.check(sensors.published, least_hours=10)["frames.rejected.redelivered"] > 0
        sent = Counter(index for recipient, index, _ in stage.listener.messages if recipient == FIGURES_OFFICE)
        assert max(sent.values()) > 1, "no publication was sent again"


@pytest.mark.parametrize("reaches_city", [True, False])
def test_bundle_handed_over_and_unacknowledged_is_sent_again_unchanged(tmp_path: Path, reaches_city: bool) -> None:
    """A bundle on its way when the gateway dies goes out again: the same bytes under the same log index, named by the receipt."""
    with scene(tmp_path, 1) as stage:
        if reaches_city:
            stage.upstream.back_s = HELD_S  # its acknowledgement never comes back
        else:
            stage.upstream.there_s = HELD_S  # it never arrives
        messages = stage.messages(200, 20.0)
        with Publishing(stage.broker.port, messages[:100], math.inf):
            pass
        stage.live.wait_until(lambda shown: shown["bundles_under_way"] == 1)
        if reaches_city:
            wait_for_bundles(stage, 1)
        with Publishing(stage.broker.port, messages[100:], math.inf):
            pass
        stage.kill_and_start()
        stage.live.wait_until(lambda shown: shown["ledger"]["frames.received"] >= len(messages))
        withdrawn = stage.live.call("consent.withdraw", {"subject": stage.subjects[0], "scope": "purpose:energy-planning"})
        stage.upstream.there_s = stage.upstream.back_s = 0.0
        stage.kill_and_start()
        ledger = stage.check(messages, withdrawn=(stage.street.meters[0], withdrawn["log_index"]))
        first, *others = stage.listener.messages
        again = [content for _, index, content in others if index == first[1]]
        assert again == ([first[2]] * len(again) if reaches_city else [])
        assert len(again) >= int(reaches_city)
        assert withdrawn["handed_over"] == [first[1]]
        assert ledger["bundles.formed"] == ledger["bundles.acknowledged"]


def test_nothing_leaves_while_no_commit_goes_through(tmp_path: Path) -> None:
    """A bundle that is formed waits for its log entry to be durable; a kill meanwhile, and it was never formed."""
    with scene(tmp_path, 1) as stage:
        messages = stage.messages(200, 20.0)
        with Publishing(stage.broker.port, messages, math.inf):
            pass
        stage.live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) >= len(messages))
        with held_disk(stage.live.place.state / DATABASE_FILE):
            wait_for_committed_bundles(stage)
            before = len(stage.listener.messages)
            time.sleep(3 * TICK_S)
            stage.listener.catch_up()
            assert len(stage.listener.messages) == before
            stage.live.kill()
        stage.live.start()
        stage.check(messages)


def wait_for_committed_bundles(stage: Scene) -> None:
    """Wait until all has arrived that was committed before the disk was held: what is not acknowledged may be on its way."""
    with closing(sqlite3.connect(f"file:{stage.live.place.state / DATABASE_FILE}?mode=ro", uri=True)) as database:
        under_way = {index for (index,) in database.execute("SELECT entry_index FROM bundle")}
    deadline_s = time.monotonic() + HANG_S
    while not under_way <= stage.listener.bundles().keys():
        assert time.monotonic() < deadline_s, "a committed bundle did not arrive"
        time.sleep(0.02)
    stage.listener.catch_up()


def wait_for_bundles(stage: Scene, count: int) -> None:
    """Wait until so many have arrived."""
    deadline_s = time.monotonic() + HANG_S
    while len(stage.listener.messages) < count:
        assert time.monotonic() < deadline_s, "the bundle did not arrive"
        time.sleep(0.02)
