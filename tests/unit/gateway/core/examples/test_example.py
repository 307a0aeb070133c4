"""The `[[example]]` tables as text: what they may say, and that whatever contradicts itself is told by file and key."""

from __future__ import annotations

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from consent.policy_files import read_policy_files
from gateway.core import model
from gateway.core.examples.example import REASONS, Example, read_examples
from tests.support.checkout import ROOT

SHIPPED = read_policy_files(ROOT / "policies")
READS = 'readings = [{ property = "consumption", value = 0.131 }]\n'
SENT = "payload = '{}'\n"


def read(text: str, name: str = "meter") -> tuple[Example, ...]:
    """Return the examples of a shipped class with others in place of its own."""
    path = f"devices/{name}.toml"
    data = SHIPPED[path].partition(b"# --- Examples")[0] + text.encode()
    profile = parse_policies(SHIPPED | {path: data}).profiles[name]
    return read_examples(TomlFile(path, data), profile)


def test_example_of_one_message_and_of_several_are_read() -> None:
    """One holds its message itself; several stand in their order, each under a key of its own."""
    one, several = read(
        '[[example]]\nsays = "One"\nhex = "7b 7d"\ntopic = "t/1"\nreceived = 2026-03-20T23:00:05.5Z\n'
        f'sequence = 7\nboot = "b"\n{READS}'
        f'[[example]]\n[[example.messages]]\n{SENT}reject = "no_reading"\n[[example.messages]]\n{SENT}ignored = true\n'
    )
    assert (one.key, one.says, one.file) == ("example.0", "One", "devices/meter.toml")
    (message,) = one.messages
    assert (message.payload, message.topic, message.received_ms) == (b"{}", "t/1", 1_774_047_605_500)
    assert (message.sequence, message.boot, message.reject) == (7, "b", "")
    assert [(each.key, each.reject, each.readings) for each in several.messages] == [
        ("example.1.messages.0", "no_reading", None),
        ("example.1.messages.1", "", None),
    ]


def test_class_without_examples_has_none() -> None:
    """They are an offer."""
    assert read("") == ()


def test_every_reason_of_the_gateway_can_be_expected() -> None:
    """By the name that it is counted under."""
    assert {model.REPLAYED.reason, model.WRONG_UNIT.reason, model.OUT_OF_RANGE.reason, model.BAD_MAC.reason} <= REASONS


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{SENT}{READS}colour = 1\n", "`example.0.colour`: is not a known key"),
        (f"{SENT}", "`example.0`: should say what comes of it by one of `readings`, `reject` and `ignored = true`"),
        (f'{SENT}{READS}reject = "replayed"\n', "`example.0`: should say what comes of it by one of"),
        (f"{SENT}readings = []\n", "`example.0.readings`: should hold at least one"),
        (f'{SENT}reject = "because"\n', "`example.0.reject`: `because` is none of ambiguous_time, bad_mac, bad_time, "),
        (READS, "`example.0`: should hold what the device sends, as text in `payload` or as hexadecimal digits in `hex`"),
        (f'{SENT}hex = "7b7d"\n{READS}', "`example.0`: should hold what the device sends"),
        (f'hex = "7b7"\n{READS}', "`example.0.hex`: should be hexadecimal digits, two for each byte"),
        (f"{SENT}{READS}received = 2026-03-20T23:00:05\n", "`example.0.received`: should be a date and time with its offset"),
        (f"{SENT}{READS}received = 2026-03-20\n", "`example.0.received`: "),
        (f"{SENT}{READS}received = 1969-03-20T23:00:05Z\n", "`example.0.received`: should be a date and time with its offset"),
        (f"{SENT}{READS}partial_iv = 7\n", "`example.0.partial_iv`: is for `mac0` alone"),
        (f"{SENT}{READS}sequence = true\n", "`example.0.sequence`: should be a whole number, not true or false"),
        (
            f'{SENT}readings = [{{ property = "LAeq", value = 1 }}]\n',
            "`example.0.readings.0.property`: the profile has no field `LAeq`",
        ),
        (
            f'{SENT}readings = [{{ property = "consumption" }}]\n',
            "`example.0.readings.0`: should say by one of `value` and `refused`",
        ),
        (
            f'{SENT}readings = [{{ property = "consumption", value = nan }}]\n',
            "`example.0.readings.0.value`: `NaN` should be a number",
        ),
        (f'{SENT}readings = [{{ property = "consumption", refused = "x" }}]\n', "`example.0.readings.0.refused`: `x` is none of"),
        (
            f'{SENT}readings = [{{ property = "consumption", value = 1, time = 2026-03-20T23:00:00 }}]\n',
            "`example.0.readings.0.time`: ",
        ),
        (f"{SENT}messages = []\n", "`example.0.payload`: should stand in a message, beside its payload"),
        ("messages = []\n", "`example.0.messages`: should hold at least one message"),
        ('messages = [{ payload = "", says = "x" }]\n', "`example.0.messages.0.says`: is not a known key"),
        ("messages = [1]\n", "`example.0.messages"),
    ],
)
def test_example_that_contradicts_itself_is_told_by_file_and_key(text: str, line: str) -> None:
    """One line."""
    with pytest.raises(PolicyError) as caught:
        read(f"[[example]]\n{text}")
    assert str(caught.value).startswith(f"`devices/meter.toml`: {line}")


def test_message_with_a_code_needs_its_number() -> None:
    """With `mac0` the partial IV is the number, and a message without one cannot be sealed."""
    with pytest.raises(PolicyError, match=r"`example.0.partial_iv`: is missing"):
        read(f"[[example]]\n{SENT}{READS}", "secure-meter")
    with pytest.raises(PolicyError, match=r"`example.0.partial_iv`: `-1` should be from 0 to 2\^64 - 1"):
        read(f"[[example]]\npartial_iv = -1\n{SENT}{READS}", "secure-meter")


def test_gateway_reads_nothing_of_examples() -> None:
    """What they say beyond this version, it passes over: they decide nothing, but they are part of the text that is hashed."""
    path = "devices/meter.toml"
    strange = SHIPPED | {path: SHIPPED[path] + b'[[example]]\npayload = 1\ncolour = "green"\n'}
    ours, theirs = parse_policies(SHIPPED), parse_policies(strange)
    assert theirs.profiles == ours.profiles
    assert theirs.sha256 != ours.sha256


@pytest.mark.parametrize("hub", ["", '[hub]\nid = "id"\n'])
def test_device_of_a_reading_is_told_behind_a_hub_and_nowhere_else(hub: str) -> None:
    """Whose reading it is would else be anybody's guess."""
    path, wanted = (
        "devices/footfall.toml",
        "is missing: the profile is of a hub's devices" if hub else "is for profiles with `[hub]` alone",
    )
    device = "" if hub else 'device = "a", '
    example = f'[[example]]\n{SENT}readings = [{{ {device}property = "peopleCount", value = 1 }}]'
    data = SHIPPED[path].partition(b"# Read to")[0] + (hub + example).encode()
    profile = parse_policies(SHIPPED | {path: data}).profiles["footfall"]
    with pytest.raises(PolicyError) as caught:
        read_examples(TomlFile(path, data), profile)
    assert str(caught.value) == f"`{path}`: `example.0.readings.0.device`: {wanted}"
