"""A real gateway process for tests: made on disk, started, asked, killed and started again, with recipients that open what
it sends.

The broker is whatever the test runs, usually ``tests.support.mosquitto``. Nothing here reaches into the gateway: registry and
consents go in by the same methods as from a shell, and what came out is read from bundles as received.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consent.control import AwayError, ControlClient
from gateway.audit.verify.report import Report
from gateway.audit.verify.verify import verify_folder
from gateway.config import Installation, load_config
from gateway.durable.configured import start
from gateway.edge.keys.keyring import init_keys
from gateway.recipient.keys import generate, load_private
from gateway.recipient.opening import OpenedBundle, open_bundle
from tests.support.asking import Answer, perform
from tests.support.checking import check_here
from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

START_S = HANG_S

CONFIG = """\
gateway = "{gateway}"
state_folder = "state"
keys_folder = "keys"
policies_folder = "policies"

[broker]
port = {port}
filters = {filters}
reconnect_s = 2

[sink.city]
port = {upstream_port}
reconnect_s = 2

[release]
tick_ms = {tick_ms}
checkpoint_ms = {tick_ms}

[audit]
openings_folder = "openings"
"""


class LiveGateway:
    """A gateway on a folder of its own."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        upstream_port: int | None = None,
        policies: Path | Mapping[str, str] = ROOT / "policies",
        filters: tuple[str, ...] = ("t/#",),
        gateway: str = "gw-test",
        tick_ms: int = 200,
        extra: str = "",
    ) -> None:
        """Write configuration, keys and policies; every recipient with a key file gets a fresh one.

        Args:
            folder: Empty.
            port: Of the sensors' broker.
            upstream_port: Of the city's broker, if another.
            policies: A folder to copy, or the text of each file.
            filters: What to subscribe to.
            gateway: Its id.
            tick_ms: Between release ticks and checkpoints.
            extra: More TOML, such as a `[clock]`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.gateway = gateway
        self.process: subprocess.Popen[bytes] | None = None
        self.program: tuple[str, ...] = ("gateway.cli",)
        self.private_keys: dict[str, Path] = {}
        self._write_policies(policies)
        text = CONFIG.format(
            gateway=gateway,
            port=port,
            upstream_port=upstream_port or port,
            filters=json.dumps(list(filters)),
            tick_ms=tick_ms,
        )
        self.config = folder / "gateway.toml"
        self.config.write_text(text + extra)
        self.place: Installation = load_config(self.config)
        self.keys = init_keys(self.place.keys, f"test.example/{gateway}")
        self.vkey = self.keys.log_signer.vkey()

    def _write_policies(self, policies: Path | Mapping[str, str]) -> None:
        target = self.folder / "policies"
        if isinstance(policies, Path):
            shutil.copytree(policies, target, ignore=shutil.ignore_patterns("keys"))
        else:
            for name, text in policies.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_text(text)
        city = tomllib.loads((target / "city.toml").read_text())
        for recipient, table in city.get("recipient", {}).items():
            if "public_key_file" not in table:
                continue
            pair = generate(_parent_of(self.folder / "recipients" / recipient))
            shutil.copy(pair.public_path, _parent_of(target / table["public_key_file"]))
            self.private_keys[recipient] = pair.private_path

    # before it runs

    def offline(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Answer]:
        """Run control methods in this process, in one commit, while the gateway does not run."""

        async def work() -> list[Answer]:
            durable = await start(self.place, self.keys, check=check_here)
            try:
                return await perform(durable, *calls)
            finally:
                await durable.close()

        return asyncio.run(work())

    def add_devices(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """Register devices ({profile, zone, topic, subject}) while the gateway does not run; return their new ids."""
        devices: list[dict[str, str]] = self.offline([("device.add", {"devices": rows})])[0]["devices"]
        return devices

    # the process

    def start(
        self, *, environment: Mapping[str, str] | None = None, wait: bool = True, options: Sequence[str] = ()
    ) -> LiveGateway:
        """Start the process, and wait until it answers on its control socket."""
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.program, "run", "--config", str(self.config), *options],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )
        if wait:
            self.call("status")
        return self

    def kill(self) -> None:
        """End the process by SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End the process by SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(HANG_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def end(self) -> None:
        """Make sure that nothing of it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def call(self, method: str, params: dict[str, Any] | None = None) -> Answer:
        """Ask over the control socket, waiting while it starts."""
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                with ControlClient(self.place.control_socket) as client:
                    return client.call(method, params)
            except AwayError:
                if self.process is not None and self.process.poll() is not None:
                    raise AssertionError(f"the gateway ended: {self.log()[-2000:]}") from None
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)

    def status(self) -> Answer:
        """Return `status`."""
        return self.call("status")

    def wait_until(self, condition: Callable[[Answer], bool], timeout_s: float = HANG_S) -> Answer:
        """Ask for `status` until it satisfies a condition."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            shown = self.status()
            if condition(shown):
                return shown
            assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {json.dumps(shown, indent=1)}\n{self.log()[-2000:]}"
            time.sleep(0.05)

    def wait_ready(self) -> Answer:
        """Wait until it has subscribed and the queue has run dry."""
        return self.wait_until(lambda s: s["broker"]["dry"] and all(sink["connected"] for sink in s["sinks"].values()))

    def wait_drained(self, received: int = 0, timeout_s: float = HANG_S) -> Answer:
        """Wait until ``received`` frames have come in and nothing waits to leave."""
        return self.wait_until(
            lambda s: (
                s["ledger"].get("frames.received", 0) >= received
                and s["broker"]["dry"]
                and s["outbox_rows"] == s["bundles_under_way"] == 0
            ),
            timeout_s,
        )

    def log(self) -> str:
        """Return what it printed."""
        return (self.folder / "gateway.log").read_text(errors="replace")

    # what came of it

    def verify(self) -> Report:
        """Audit the published log with its openings."""
        return verify_folder(self.place.log, self.vkey, self.place.openings)

    def open(self, recipient: str, content: bytes) -> OpenedBundle:
        """Open a bundle as its recipient does."""
        key = self.private_keys.get(recipient)
        return open_bundle(content, None if key is None else load_private(key))


def _parent_of(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Listener:
    """A recipient's subscription in a thread of its own: every bundle as it came, duplicates included."""

    def __init__(self, port: int, gateway: str) -> None:
        """Subscribe to all recipients of a gateway, with a persistent session; returns once subscribed."""
        import threading

        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        self.messages: list[tuple[str, int, bytes]] = []
        """(recipient, log index, content), in order of arrival."""
        self._subscribed, self._caught_up = threading.Event(), threading.Event()
        self._marker = f"listener/{gateway}"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{gateway}", protocol=paho.MQTTv5)
        self._client.on_message = self._take
        self._client.message_callback_add(self._marker, lambda *_: self._caught_up.set())
        self._client.on_connect = lambda client, *_: client.subscribe([(f"sluice/{gateway}/+", 1), (self._marker, 1)])
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._subscribed.wait(HANG_S)

    def _take(self, _client: Any, _userdata: Any, message: Any) -> None:
        found = dict(message.properties.UserProperty)
        self.messages.append((message.topic.rpartition("/")[2], int(found["log-index"]), bytes(message.payload)))

    def catch_up(self) -> None:
        """Wait until all has arrived that the broker has taken for it: a message of its own comes after them."""
        self._caught_up.clear()
        self._client.publish(self._marker, b"", qos=1)
        assert self._caught_up.wait(HANG_S)

    def bundles(self) -> dict[int, tuple[str, bytes]]:
        """Return what came, de-duplicated by log index: index → (recipient, content)."""
        return {index: (recipient, content) for recipient, index, content in list(self.messages)}

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._client.disconnect()
        self._client.loop_stop()


def opened(live: LiveGateway, listener: Listener) -> Iterator[OpenedBundle]:
    """Open everything that the broker has taken, once each, in order of log index."""
    listener.catch_up()
    for _, (recipient, content) in sorted(listener.bundles().items()):
        yield live.open(recipient, content)
