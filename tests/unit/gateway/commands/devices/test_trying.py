"""`sluice device try` says what a profile reads in messages, in order and with memory, and needs no gateway."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.core.ingest.mac0 import mac0
from tests.support.checkout import ROOT

POLICIES = str(ROOT / "policies")
METER = b'{"t":1774047600,"seq":%d,"boot":1,"kwh":0.131}'
AT = "2026-03-20T23:10:00Z"
HUB = """\
title = { en = "Hub" }
codec = "json"
each = ""

[hub]
id = "id"

[fields.temperature]
path = "t"
unit = "Cel"
plausible = [-40, 60]

[sequence]
path = "n"
"""


def tried(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    """Return what `device try` prints as JSON."""
    assert main(["device", "try", *words, "--policies", POLICIES, "--json"]) == status, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def written(folder: Path, *payloads: bytes) -> list[str]:
    """Write messages to files; return their names."""
    files = [folder / f"{n}.bin" for n in range(len(payloads))]
    for file, payload in zip(files, payloads, strict=True):
        file.write_bytes(payload)
    return [str(file) for file in files]


def test_each_reading_is_told_with_value_unit_and_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a profile of the policies; what is repeated is refused as the gateway would."""
    files = written(tmp_path, METER % 5, METER % 6, METER % 5, b"{}")
    told = tried(capsys, "meter", "--payload", *files, "--received", AT, status=1)
    assert told["profile"] == "meter"
    first, second, again, empty = told["messages"]
    (device,) = first["devices"]
    assert (device["sequence"], device["boot"], device["time_from"]) == (5, 1, "message")
    assert device["readings"] == [
        {"property": "consumption", "value": 0.131, "unit": "kW.h", "time": "2026-03-20T23:00:00Z"},
    ]
    assert second["outcome"] == "readings"
    assert (again["outcome"], again["reason"], again["payload"]) == ("rejected", "replayed", files[2])
    assert (empty["outcome"], empty["reason"]) == ("rejected", "bad_time")


def test_devices_behind_a_hub_are_told_apart_each_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a profile that lies in a file of its own; memory is each device's own."""
    profile = tmp_path / "hub.toml"
    profile.write_text(HUB)
    pack = b'[{"id":"a","t":20,"n":1},{"id":"b","t":99,"n":1},{"id":"c","n":1}]'
    files = written(tmp_path, pack, b'[{"id":"a","t":21,"n":1},{"id":"d","t":21,"n":1}]')
    first, second = tried(capsys, str(profile), "--payload", *files, status=1)["messages"]
    assert [(each["id"], each.get("reason"), [one["value"] for one in each["readings"]]) for each in first["devices"]] == [
        ("a", None, [20.0]),
        ("b", "implausible", []),
        ("c", "no_reading", []),
    ]
    assert [(each["id"], each.get("reason")) for each in second["devices"]] == [("a", "replayed"), ("d", None)]
    assert second["devices"][1]["time_from"] == "arrival"


def test_lines_of_a_file_or_of_standard_input_are_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each told by its line; blank ones are none."""
    lines = (METER % 1) + b"\r\n\n" + (METER % 2)
    (file,) = written(tmp_path, lines)
    told = tried(capsys, "meter", "--payload", file, "--lines", "--received", AT)["messages"]
    assert [(each["line"], each["outcome"]) for each in told] == [(1, "readings"), (3, "readings")]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(METER % 1)))
    (one,) = tried(capsys, "meter", "--payload", "-", "--received", AT)["messages"]
    assert (one["payload"], one["outcome"]) == ("standard input", "readings")


def test_message_with_a_code_is_tried_by_what_the_code_covers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the device sends it, with its number, or bare; nobody has its key here."""
    content = b'{"t":1774047600,"boot":1,"kwh":0.131}'
    files = written(tmp_path, mac0(bytes(32), content, 9), mac0(bytes(32), content, 9), content)
    first, again, bare = tried(capsys, "secure-meter", "--payload", *files, "--received", AT, status=1)["messages"]
    assert first["devices"][0]["sequence"] == 9
    assert again["reason"] == "replayed"
    assert bare["devices"][0]["sequence"] == 3


def test_it_is_told_in_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each value in a line, each refusal with its reason; what is no reading is said to be none."""
    files = written(tmp_path, b'{"t":1774047600,"seq":1,"boot":1,"kwh":0.131}', b"\x00")
    assert main(["device", "try", "meter", "--policies", POLICIES, "--received", AT, "--payload", *files]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{files[0]}:"
    assert lines[1].split() == ["consumption", "0.131", "kW.h", "2026-03-20T23:00:00Z"]
    assert lines[2] == f"{files[1]}: rejected: malformed"


TIMED = """\
title = { en = "Timed" }
codec = "json"
fields.temperature = { path = "t", unit = "Cel", none = ["n/a"] }
fields.pm10 = { path = "p", unit = "ug/m3" }
time = { path = "at", format = "unix-s" }
"""


def test_same_time_again_is_a_repeat_and_what_gave_nothing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the gateway drops it; a path that leads nowhere would show otherwise in nothing at all."""
    profile = tmp_path / "timed.toml"
    profile.write_text(TIMED)
    whole, part = b'{"at":1774047600,"t":20,"p":5}', b'{"at":1774047660,"t":"n/a","p":5}'
    words = [str(profile), "--received", AT, "--payload", *written(tmp_path, whole, whole, part)]
    first, again, last = (each["devices"][0] for each in tried(capsys, *words, status=1)["messages"])
    assert ([each.get("refused") for each in first["readings"]], first["not_read"]) == ([None, None], [])
    assert [each.get("refused") for each in again["readings"]] == ["duplicate", "duplicate"]
    assert ([each["value"] for each in last["readings"]], last["refused"]) == ([5], ["no_value"])
    assert main(["device", "try", *words, "--policies", POLICIES]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["  a value refused: no_value", "  nothing read of: temperature"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metre"], "there is no device profile `metre`; a file is named by its path; there are `"),
        (["none.toml"], "`none.toml`: no such file or directory"),
        (["meter", "--received", "noon"], "`--received`: `noon` is no time such as"),
        (
            ["meter", "--policies", "nowhere"],
            "`city.toml`: there is no policies folder `nowhere`; `--policies` names another",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_in_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file or option."""
    (file,) = written(tmp_path, METER % 1)
    policies = [] if "--policies" in words else ["--policies", POLICIES]
    assert main(["device", "try", *words, *policies, "--payload", file]) == 2
    assert capsys.readouterr().err.startswith(f"sluice: {said}")


def test_payload_that_is_not_there_and_a_profile_with_a_fault_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By file, and key."""
    assert main(["device", "try", "meter", "--policies", POLICIES, "--payload", "nothing.json"]) == 2
    assert capsys.readouterr().err == "sluice: `nothing.json`: no such file or directory\n"
    bad = tmp_path / "bad.toml"
    bad.write_text(HUB.replace('unit = "Cel"', 'unit = "kg"'))
    assert main(["device", "try", str(bad), "--policies", POLICIES, "--payload", str(bad)]) == 2
    assert "bad.toml`: `fields.temperature.unit`: " in capsys.readouterr().err
