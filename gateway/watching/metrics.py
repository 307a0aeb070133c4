"""The figures for Prometheus: how the gateway is and what becomes of readings, and never a topic, an id or a value of anybody.

A label is a word of the program (an account, a reason, a folder) or of the city's own configuration (a recipient, a sink, a
witness), so that their number is bounded and none of them tells of a home or a device. What takes a walk over all devices or
a look into the database is of the last ``survey``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.app import Gateway
from gateway.durable.state import Durable
from gateway.edge import system_clock
from gateway.pulse import Spread
from gateway.watching.health import REASONS
from gateway.watching.machine import Machine
from gateway.watching.watch import Watch


class Figures(Collector):
    """Everything that Prometheus is told, collected anew for each scrape."""

    def __init__(self, watch: Watch, machine: Machine) -> None:
        """Tell of a watched gateway and of the machine under it."""
        self._watch = watch
        self._machine = machine
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the present figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the families; of a gateway that is still starting, only what is known without it."""
        yield from _health(self._watch)
        yield from self._of_the_machine()
        app = self._watch.app
        if app is None:
            return
        yield from _loop(app)
        yield from _readings(app)
        yield from self._surveyed()
        yield from _connections(app)
        yield from _log(app.durable)
        yield from _clock(app.durable)
        yield _gauge("disk_full", "Whether readings, releases or the published log wait for disk space", _is_full(app.durable))

    def _surveyed(self) -> Iterator[Metric]:
        found = self._watch.survey
        yield _gauge("devices", "Registered devices", found.devices)
        yield _gauge("devices_silent", "Devices of which no reading has come for longer than their profile expects", found.silent)
        yield _gauge("times_remembered", "Times of readings that are remembered to tell repeats", found.times_remembered)
        text = "How long the oldest row of a recipient has waited to leave, at most; since the start where it is older"
        yield _gauge("outbox_age_seconds", text, found.outbox_age_s, "recipient")
        text = "How long the oldest bundle under way has waited for its acknowledgement, at most; likewise"
        yield _gauge("bundle_age_seconds", text, found.bundle_age_s)

    def _of_the_machine(self) -> Iterator[Metric]:
        machine = self._machine
        free, size = machine.disks()
        yield _gauge("disk_free_bytes", "Free space for the gateway on the disk of a folder", free, "folder")
        yield _gauge("disk_size_bytes", "Size of the disk of a folder", size, "folder")
        yield _gauge("disk_reserve_bytes", "Space set aside for withdrawals and erasures; 0 once it is used", machine.reserve())
        yield _gauge("database_bytes", "Size of the database", machine.database())
        yield _gauge("wal_bytes", "Size of the database's write-ahead log", machine.write_ahead_log())
        yield _gauge("memory_bytes", "Memory that the process holds", machine.memory())
        yield _gauge("open_files", "Files and sockets that the process holds open", machine.open_files())
        yield _counter("cpu_seconds", "Time that processors have worked for the process", time.process_time())
        yield _counter("written_bytes", "Bytes that the process has had written to disks since its start", machine.written())
        text = "Bytes written to the disk of the state folder since the machine started, by all programs"
        yield _counter("disk_written_bytes", text, machine.disk_written())


def _gauge(name: str, text: str, value: float | Mapping[str, float] | None, label: str = "") -> Metric:
    """Return a gauge, or one for each value of a label; without a sample where the value is not known."""
    family = GaugeMetricFamily(f"sluice_{name}", text, labels=[label] if label else [])
    _fill(family, value)
    return family


def _counter(name: str, text: str, value: float | Mapping[str, float] | None, label: str = "") -> Metric:
    """Return a counter, likewise; its name gets `_total` at its end."""
    family = CounterMetricFamily(f"sluice_{name}", text, labels=[label] if label else [])
    _fill(family, value)
    return family


def _fill(family: GaugeMetricFamily | CounterMetricFamily, value: float | Mapping[str, float] | None) -> None:
    if isinstance(value, Mapping):
        for name, one in value.items():
            family.add_metric([name], one)
    elif value is not None:
        family.add_metric([], value)


def _spread(name: str, text: str, spread: Spread) -> Metric:
    counts = list(accumulate(spread.counts))
    buckets = [(str(bound), float(count)) for bound, count in zip((*spread.bounds, "+Inf"), counts, strict=True)]
    return HistogramMetricFamily(f"sluice_{name}", text, buckets=buckets, sum_value=spread.total)


def _health(watch: Watch) -> Iterator[Metric]:
    reasons = watch.not_ready()
    yield _gauge("ready", "Whether the gateway does all of its work", not reasons)
    yield _gauge("not_ready", "Why it does not", {name: name in reasons for name in REASONS}, "reason")
    yield _gauge("loop_still_seconds", "For how long its loop has not been seen to move on", watch.still_s())
    yield _gauge("start_time_seconds", "When the process was started, as Unix time", watch.started_s)


def _loop(app: Gateway) -> Iterator[Metric]:
    pulse = app.durable.pulse
    yield _counter("starts", "How often the gateway was started on this database", app.durable.starts)
    yield _spread("loop_turn_seconds", "How long the loop took for what was due at one time", pulse.turn_s)
    text = "The longest turn of the last five to ten minutes: how long readings and withdrawals may have waited"
    yield _gauge("loop_longest_turn_seconds", text, pulse.longest_turn_s.read())
    yield _spread("commit_seconds", "How long commits took", pulse.commit_s)
    yield _spread("batch_frames", "How many frames were committed at a time", pulse.batch_frames)


def _readings(app: Gateway) -> Iterator[Metric]:
    state = app.durable.state
    yield _gauge("account", "Units in an account of the ledger", state.ledger.totals, "account")
    yield _gauge("ledger_imbalances", "Balances of the ledger that do not hold", len(state.ledger.imbalances()))
    yield _counter("times_forgotten", "Times of readings that had to be forgotten for want of room", state.times_room.forgotten)
    yield _gauge("windows_open", "Windows that have not ended", len(state.windows.open))
    yield _gauge("window_contributions", "Contributions in windows, at most", state.windows.contributions)
    behind_s = max(0, app.durable.clock.now_ms() - state.windows.watermark_ms) / 1000 if state.windows.watermark_ms else None
    yield _gauge("watermark_age_seconds", "How long ago the last windows ended, by the gateway's clock", behind_s)
    yield _gauge("outbox_rows", "Rows of records that wait to leave, by recipient", state.outbox.waiting, "recipient")
    yield _gauge("bundles_under_way", "Bundles that are logged and not yet acknowledged", len(state.inflight))


def _connections(app: Gateway) -> Iterator[Metric]:
    counters = app.link.counters
    yield _gauge("broker_connected", "Whether the sensors' broker is connected", app.link.connected)
    yield _gauge("frames_waiting", "Frames that were received and not yet taken", app.link.waiting)
    yield _counter("broker_connections", "Connections to the sensors' broker", counters["connections"])
    yield _counter("broker_taken_over", "Times that another client took the session over", counters["taken_over"])
    yield _counter("broker_sessions_lost", "Times that the broker had lost the session", counters["sessions_lost"])
    yield _counter("broker_filters_refused", "Subscriptions that the broker refused", counters["filters_refused"])
    sinks = app.delivery.sinks
    yield _gauge("sink_connected", "Whether a sink is connected", {name: sink.connected for name, sink in sinks.items()}, "sink")
    for counter, name, text in (
        ("connections", "sink_connections", "Connections to a sink"),
        ("taken_over", "sink_taken_over", "Times that another client took the connection to a sink over"),
        ("publish_refused", "sink_bundles_refused", "Times that a sink refused a bundle"),
    ):
        yield _counter(name, text, {sink: each.counters[counter] for sink, each in sinks.items()}, "sink")


def _log(durable: Durable) -> Iterator[Metric]:
    yield _gauge("log_entries", "Entries in the log", durable.state.log.size)
    yield _gauge(
        "checkpoint_age_seconds", "How long ago a checkpoint was published, or this run began", durable.publisher.age_s()
    )
    yield _gauge(
        "log_confirmed", "Whether the log may be signed: a witness has confirmed it, or none is asked", durable.confirmed
    )
    witnesses = durable.witnesses
    age_s = None if witnesses is None else witnesses.seconds_since_quorum()
    yield _gauge("quorum_age_seconds", "Time since a checkpoint had a quorum of witnesses, or this run began", age_s)
    standings = [] if witnesses is None else witnesses.standings
    yield _counter("witness_asked", "Requests to a witness", {one.name: one.asked for one in standings}, "witness")
    yield _counter("witness_cosigned", "Cosignatures of a witness", {one.name: one.cosigned for one in standings}, "witness")
    text = "Times that a witness knew another size or history of the log"
    yield _counter("witness_conflicts", text, {one.name: one.conflicts for one in standings}, "witness")
    text = "Requests to a witness that brought no usable answer"
    yield _counter("witness_failures", text, {one.name: one.failures for one in standings}, "witness")


def _clock(durable: Durable) -> Iterator[Metric]:
    now_ms = durable.clock.now_ms()
    state = system_clock.clock_state()
    yield _gauge("clock_seconds", "The gateway's clock, as Unix time", now_ms / 1000)
    yield _gauge("clock_simulated", "Whether that clock is simulated", durable.clock.simulated)
    synchronised = None if state == "unknown" else state == "synchronised"
    yield _gauge("clock_synchronised", "Whether the kernel knows its clock to be synchronised", synchronised)
    behind_s = max(0, durable.state.log.latest_entry_ms - durable.clock.shown_ms()) / 1000
    yield _gauge("clock_behind_seconds", "How far the clock is behind the log's latest entry", behind_s)


def _is_full(durable: Durable) -> bool:
    return durable.store.disk_space.low or durable.publisher.full
