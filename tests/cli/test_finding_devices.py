"""From devices that publish to devices that are registered, by a real gateway behind a real Mosquitto, as a crew would do it.

And what was found is told to the terminal that asked, while it asks, and stands nowhere else.
"""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import json
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from consent.control import ControlClient, RefusedError
from tests.docs.pages import Page, pages
from tests.docs.shell import calls
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.shell import Done, sluice
from tests.support.waiting import HANG_S

CANARY = "canary-7f3a"
USED = 'devices = ["rtl433-events", "shelly-gen1-em", '
MESSAGES = {
    f"homes/{CANARY}/meter": '{"t":<s>,"seq":<n>,"boot":1,"kwh":0.131}',
    "rtl_433/roof/events": '{"time":"<iso>","model":"Nexus-TH","id":"canary-172","temperature_C":9.4}',
    f"shellies/{CANARY}/emeter/0/total": "1482750.3",
    f"shellies/{CANARY}/emeter/0/voltage": "230.<n>",
    f"shellies/{CANARY}/info": '{"wifi":<n>}',
    "homes/printer/status": "on <n>",
}


class Street:
    """Devices that publish again and again until they are stopped."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()

    def _publish(self) -> None:
        n = 0
        while not self._over.wait(0.05):
            n += 1
            for topic, template in MESSAGES.items():
                iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                payload = template.replace("<s>", str(int(time.time()))).replace("<n>", str(n)).replace("<iso>", iso)
                self._client.publish(topic, payload, qos=1)

    def stop(self) -> None:
        """Have them fall silent."""
        self._over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway whose city uses two shipped profiles, and a street that publishes."""
    folder = tmp_path_factory.mktemp("finding")
    with running_mosquitto(folder) as broker:
        metrics = f"\n[metrics]\nport = {free_port()}\n"
        filters = ("homes/#", "rtl_433/#", "shellies/#")
        live = LiveGateway(folder / "g", broker.port, filters=filters, extra=metrics)
        city = live.folder / "policies" / "city.toml"
        city.write_text(re.sub(r"(?m)^devices = \[", USED, city.read_text()))
        street = Street(broker.port)
        try:
            live.start()
            yield live
            assert live.stop() == 0
            assert "Traceback" not in live.log()
            assert live.verify().exit_status == 0
        finally:
            street.stop()
            live.end()


def until(what: Callable[[], Any]) -> Any:
    """Wait for something, and return it."""
    deadline_s = time.monotonic() + HANG_S
    while not (found := what()):
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.05)
    return found


def fits(client: ControlClient) -> dict[tuple[str, str], set[str]]:
    """Return of each publisher that a connection has found which profiles in force read it."""
    found = client.call("device.discover", {"report": True})["publishers"]
    return {
        (each["topic"], each["id"]): {fit["profile"] for fit in each["fits"] if fit["in_force"]} for each in found if each["fits"]
    }


def holding(folder: Path, text: bytes) -> list[str]:
    """Return the files below a folder that hold a text."""
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the gateway goes on meanwhile
            found += [path.name] if path.is_file() and text in path.read_bytes() else []
    return found


def test_what_is_found_is_told_to_the_connection_that_asked_and_stands_nowhere_else(live: LiveGateway) -> None:
    """No other connection, log, metric, database or public file has it; with the connection it is gone."""
    live.call("status")
    with ControlClient(live.place.control_socket) as terminal:
        found = until(lambda: len(all_of := fits(terminal)) >= 3 and all_of)
        assert found[f"homes/{CANARY}/meter", ""] == {"meter"}
        assert found["rtl_433/roof/events", "Nexus-TH/canary-172"] == {"rtl433-events"}
        assert found[f"shellies/{CANARY}/#", ""] == {"shelly-gen1-em"}
        with ControlClient(live.place.control_socket) as other:
            with pytest.raises(RefusedError, match="somebody is looking"):
                other.call("device.discover", {"report": True})
            for method in ("status", "device.list", "policy.show"):
                assert "canary" not in json.dumps(other.call(method))
        connection = http.client.HTTPConnection("127.0.0.1", live.place.config.metrics.port)
        connection.request("GET", "/metrics")
        assert b"canary" not in connection.getresponse().read()
        connection.close()
        assert holding(live.folder, b"canary") == []
    with ControlClient(live.place.control_socket) as next_terminal:
        begun = until(lambda: _begun(next_terminal))
        assert begun["messages"] < 100 * len(MESSAGES)  # its own, and none of the one before


def _begun(client: ControlClient) -> dict[str, Any] | None:
    """Begin, unless the gateway has not yet noticed that the one before has gone."""
    try:
        return client.call("device.discover", {"for_s": 30})
    except RefusedError:
        return None


def walk_through() -> list[list[str]]:
    """Return the commands of `docs/operating.md` for finding and adding devices, in their order."""
    page = pages()["docs/operating.md"]
    section = page.text.partition("\n## Finding and adding devices\n")[2].partition("\n## ")[0]
    return list(calls(Page(page.path, section), "sluice"))


def test_crew_goes_from_what_publishes_to_what_is_registered(live: LiveGateway) -> None:
    """By the very commands of the page, in a folder of the test's own: then nothing is left to find, and all is heard."""

    def typed(words: list[str], *more: str) -> Done:
        """Run a command of the page here, and listen no longer than has to be."""
        here = [word.replace("/run/sluice/", "").replace("10min", "1s") for word in words]
        return sluice(live.folder, *here, *more)

    discover, trying, dry_run, add, listing, show = walk_through()
    done = typed(discover)
    assert done.status == 0, done
    assert f"homes/{CANARY}/meter" in done.out
    assert "no profile reads it" in done.out
    file = live.folder / "found.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert {row["topic"]: (row["id"], row["profile"]) for row in rows} == {
        f"homes/{CANARY}/meter": ("", "meter"),
        "rtl_433/roof/events": ("Nexus-TH/canary-172", "rtl433-events"),
        f"shellies/{CANARY}/#": ("", "shelly-gen1-em"),
        "homes/printer/status": ("", ""),
    }
    assert typed(discover).line == "`found.csv`: exists already"
    (live.folder / "message.json").write_text('{"t":1774047600,"seq":1,"boot":1,"kwh":0.131}')
    assert "consumption          0.131 kW.h  2026-03-20T23:00:00Z" in typed(trying).out
    file.rename(live.folder / "devices.csv")
    empty = typed(add)
    assert (empty.status, empty.err.count("states no owner")) == (2, 4)
    text = ["topic;id;profile;zone;owner;subject"]  # as a spreadsheet of Spain saves it
    text += [f"{row['topic']};{row['id']};{row['profile']};north-quay;resident;new" for row in rows if row["profile"]]
    (live.folder / "devices.csv").write_text("\r\n".join(text), "utf-8-sig")
    tried = typed(dry_run)
    assert tried.out == "3 devices could be registered; nothing has changed\n", tried
    added = typed(add, "--language", "es", "--json")
    assert added.status == 0, added
    devices = json.loads(added.out)["devices"]
    sheet = live.folder / "codes.html"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert all(each["claim_code"] in sheet.read_text() for each in devices)
    assert "Contador eléctrico" in sheet.read_text()
    until(lambda: all(row["readings"] for row in live.call("device.list")["devices"]))
    again = typed(discover[:2], "--for", "1s", "--json")
    assert [each["topic"] for each in json.loads(again.out)["publishers"]] == ["homes/printer/status"]
    shown = typed([*show[:2], devices[0]["device"]])
    assert "readings       0" not in shown.out
    assert "canary" not in shown.out + typed(listing).out
    for path in (live.folder / "devices.csv", sheet):
        path.unlink()
    assert holding(live.folder, b"canary") == []


def test_sheet_that_cannot_be_made_registers_nothing(live: LiveGateway) -> None:
    """Codes are told once: first there is a file for them; where the list is refused there is none."""
    before = len(live.call("device.list")["devices"])
    words = ("device", "add", "--profile", "meter", "--zone", "north-quay", "--owner", "resident", "--subject", "new")
    (live.folder / "there.html").write_text("mine")
    assert sluice(live.folder, *words, "--topic", "homes/1/m", "--sheet", "there.html").line == "`there.html`: exists already"
    refused = sluice(live.folder, *words, "--topic", "homes/+/m", "--sheet", "new.html")
    assert "the topic holds a wildcard" in refused.line
    assert not (live.folder / "new.html").exists()
    assert (live.folder / "there.html").read_text() == "mine"
    assert len(live.call("device.list")["devices"]) == before


def test_discover_without_a_gateway_says_so(tmp_path: Path) -> None:
    """In one line, with status 1, and leaves no list."""
    live = LiveGateway(tmp_path / "g", 1, policies=ROOT / "policies")
    done = sluice(live.folder, "device", "discover", "--csv", "found.csv")
    assert (done.status, done.line.partition(": ")[2]) == (1, "no gateway is running")
    assert not (live.folder / "found.csv").exists()
