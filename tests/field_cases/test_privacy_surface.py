"""Printed messages go into a gateway where nobody has consented, and nothing personal of them is found in what comes out.

Each message comes three times over: to a household's device that may reveal nothing, to a device of the city whose reading may
leave, and to nobody; as printed, and with a mark at each personal place. Who runs `device discover` sees what nobody registered,
and no other place does.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from consent.control import ControlClient, RefusedError
from firmware_sim.load import Load
from gateway.recipient.records import encode_record
from tests.field_cases.cases import PROPERTIES, RECEIVED_AT
from tests.field_cases.payloads import Payload, payloads
from tests.field_cases.personal import JUDGED, is_at, is_personal, marked, parsed, places, surface
from tests.privacy.canaries import NEEDLES, STEM, Needle, finds
from tests.privacy.tap import Tap
from tests.support.city import city
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

pytestmark = pytest.mark.outside_data

PROFILE_OF: Final = {
    "chirpstack4-json": "chirpstack-4",
    "tts3-json": "things-stack-3",
    "senml-json": "senml",
    "senml-cbor": "senml-cbor",
    "homie5": "value",
}
"""By format; whatever no codec reads is registered as JSON, as somebody might try."""
FIELDS: Final = '[fields.temperature]\npath = "temperature"\nunit = "Cel"\n'


def policies() -> dict[str, str]:
    """Return a city that hands on what its own devices read, and asks households for the same."""
    built = (
        city()
        .ceiling(identity="per-record", space="block")
        .district("north")
        .zone("mill", "north")
        .purpose("streets", legal_basis="public-task")
        .purpose("homes")
        .recipient("public", sealed=False)
        .recipient("office")
    )
    for name in PROPERTIES:
        built.measures(name)
    asks: dict[str, Any] = {"identity": "per-record", "time": "exact", "space": "block", "retention": 30}
    built.flow("of-the-city", *PROPERTIES, purpose="streets", recipient="public", **asks)
    built.flow("of-homes", *PROPERTIES, purpose="homes", recipient="office", **asks)
    head = 'title = { en = "A sensor" }\n'
    files = {codec: f'{head}codec = "{codec}"\n{FIELDS}' for codec in (*PROFILE_OF.values(), "json")}
    files["value"] = files["value"].replace('path = "temperature"', 'path = ""')
    return built.files() | {f"devices/{name}.toml": text for name, text in files.items()}


def both() -> list[Payload]:
    """Return every message as printed and marked."""
    printed = payloads()
    return [*printed, *(marked(each, number) for number, each in enumerate(printed))]


def test_every_place_of_every_message_is_judged() -> None:
    """Personal or harmless, and not both; a place that nobody has judged would be searched for by nobody."""
    judged_by_nobody, judged_twice = set(), set()
    for payload in payloads():
        judged = JUDGED[payload.format]
        if not judged.personal:
            continue
        for pointer, _ in places(parsed(payload.data)):
            harmless = any(is_at(pointer, pattern) for pattern in judged.harmless)
            if not harmless and not is_personal(judged, pointer):
                judged_by_nobody.add(pointer)
            if harmless and is_personal(judged, pointer):
                judged_twice.add(pointer)
    assert (judged_by_nobody, judged_twice) == (set(), set())


def test_judgements_name_places_that_there_are() -> None:
    """A pattern that fits nowhere protects nothing."""
    found: dict[str, set[str]] = {}
    for payload in payloads():
        if JUDGED[payload.format].personal:
            found.setdefault(payload.format, set()).update(pointer for pointer, _ in places(parsed(payload.data)))
    for format_, pointers in found.items():
        patterns = (*JUDGED[format_].personal, *JUDGED[format_].harmless)
        assert [each for each in patterns if not any(is_at(pointer, each) for pointer in pointers)] == [], format_


def test_mark_stands_at_each_personal_place_and_nowhere_else() -> None:
    """The search below looks for marks, so each message that has something personal must have one."""
    for number, payload in enumerate(payloads()):
        changed = marked(payload, number)
        if JUDGED[payload.format].levels and "/" in payload.topic:
            assert STEM in changed.topic
        if (before := parsed(payload.data)) is None or not JUDGED[payload.format].personal:
            continue
        for (pointer, old), (same, new) in zip(places(before), places(parsed(changed.data)), strict=True):
            assert pointer == same
            assert old == new or is_personal(JUDGED[payload.format], pointer)


class Street:
    """A gateway that nobody has permitted anything, and everything of it that can be searched."""

    def __init__(self, live: LiveGateway, port: int, taps: dict[str, Tap], listener: Listener) -> None:
        self.live = live
        self.listener = listener
        self.places: dict[str, bytes] = {}
        self._seen: set[bytes] = set()
        self._port = port
        self._taps = taps

    def publish(self, prefix: str, messages: list[Payload]) -> None:
        """Publish under a prefix, and wait until the gateway has taken in everything."""
        before = self.live.status()["ledger"].get("frames.received", 0)
        sent = [(f"{prefix}/{each.topic}", each.data) for each in messages]
        assert Load("127.0.0.1", self._port, sent).run(HANG_S).acknowledged == len(sent)
        self.live.wait_drained(before + len(sent))

    def look(self, when: str) -> None:
        """Keep all that a gateway shows, prints, sends and stores."""
        for file in self.live.place.state.rglob("*"):
            if not file.is_file() or file.name == "ballast":
                continue
            with contextlib.suppress(FileNotFoundError):  # the gateway goes on meanwhile
                self._keep(f"{file.relative_to(self.live.place.state)} {when}", file.read_bytes().rstrip(b"\0"))
        self.places[f"output {when}"] = self.live.log().encode()
        self.places |= {name: bytes(tap.sent) for name, tap in self._taps.items()}
        self.places[f"metrics {when}"] = self._metrics()
        answers = [self.live.call(method) for method in ("status", "device.list", "policy.show")]
        self.places[f"answers {when}"] = json.dumps(answers).encode()
        for bundle in opened(self.live, self.listener):
            self.places[f"bundle {bundle.log_index}"] = b"".join(map(encode_record, bundle.records))

    def _keep(self, place: str, held: bytes) -> None:
        """Keep what a place holds, unless it was seen before: most files stay as they are."""
        if held not in self._seen:
            self._seen.add(held)
            self.places[place] = held

    def _metrics(self) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.live.place.config.metrics.port, timeout=HANG_S)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()
        finally:
            connection.close()


def rows(prefix: str, messages: list[Payload], owner: str, subject: str) -> list[dict[str, str]]:
    """Return what registers a device for each topic of some messages."""
    profiles = {f"{prefix}/{each.topic}": PROFILE_OF.get(each.format, "json") for each in messages}
    return [
        {"profile": profile, "zone": "mill", "topic": topic, "owner": owner, "subject": subject}
        for topic, profile in profiles.items()
    ]


def test_nothing_personal_of_a_printed_message_comes_out_under_no_consent(tmp_path: Path) -> None:
    """Not in a bundle, the log, the openings, the database, the output, the metrics or an answer; discovery apart."""
    messages = both()
    needles = [*NEEDLES, *(Needle(f"of {each.name}", data) for each in payloads() for data in surface(each))]
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(running_mosquitto(tmp_path))
        taps = {name: Tap(broker.port) for name in ("sent to the sensors' broker", "sent upstream")}
        for tap in taps.values():
            stack.callback(tap.close)
        extra = f'\n[metrics]\nport = {free_port()}\n[clock]\nsimulated = true\nstart = "{RECEIVED_AT}"\nrate = 0\n'
        ports = [tap.port for tap in taps.values()]
        live = LiveGateway(
            tmp_path / "gateway",
            ports[0],
            upstream_port=ports[1],
            policies=policies(),
            filters=("home/#", "city/#", "stray/#"),
            tick_ms=50,
            extra=extra,
        )
        live.add_devices([*rows("home", messages, "resident", "new"), *rows("city", messages, "city", "none")])
        listener = Listener(broker.port, live.gateway)
        stack.callback(listener.close)
        stack.callback(live.end)
        live.start().wait_ready()
        street = Street(live, broker.port, taps, listener)

        street.publish("home", messages)
        street.look("after the homes")
        assert not listener.messages, "of no household has anything left"
        street.publish("city", messages)
        with ControlClient(live.place.control_socket) as terminal:
            terminal.call("device.discover", {"for_s": 600})
            street.publish("stray", messages)
            street.look("while somebody looks for strangers")
            with pytest.raises(RefusedError):
                live.call("device.discover", {"for_s": 600, "report": True})
            discovered = terminal.call("device.discover", {"for_s": 600, "report": True})["publishers"]
        assert {each["topic"] for each in discovered} == {f"stray/{each.topic}" for each in messages}
        street.look("at the end")
        assert finds(street.places, needles) == []
        # and it was worth searching: readings have left, of messages that name who and where
        left = Counter(float(record.result) for bundle in opened(live, listener) for record in bundle.records)
        assert {1.0, 21.5, 25.2, 27.2} <= left.keys(), left
        report = live.verify()
        assert report.exit_status == 0, report.to_text()
        assert not [line for line in report.to_text().splitlines() if STEM in line]
