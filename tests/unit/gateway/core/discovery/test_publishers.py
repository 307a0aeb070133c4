"""Publishers that nobody registered: what is kept of them is what helps to register them, and is bounded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consent.core.profiles.profile import Codec
from gateway.core.codecs.registry import compile_decoder
from gateway.core.discovery import publishers
from gateway.core.discovery.candidates import Candidate
from gateway.core.discovery.publishers import MOST_PUBLISHERS, TRIED_BY_ALL, Discovery, Registered
from gateway.core.model import IGNORE, Decoded, HubPart, HubParts, Ignore, Observation, Reading
from tests.support.profiles import make_profile

NOBODY = Registered([])
MINUTE_MS = 60_000
ROOM = make_profile(Codec.JSON, {"temperature": "t"})
THERMOMETER = Candidate.of(ROOM, compile_decoder(ROOM), in_force=True)


def hub(topic: str, payload: bytes, now_ms: int) -> Decoded:
    """Decode a message that holds several devices: id → value."""
    try:
        rows = json.loads(payload)["devices"]
    except (ValueError, KeyError, TypeError):
        return IGNORE
    return HubParts(
        [HubPart(each, Reading(None, None, False, [Observation("temperature", now_ms, value)])) for each, value in rows.items()]
    )


HUB = Candidate("radio", False, hub)


def looked_at(*messages: tuple[str, bytes], registered: Registered = NOBODY) -> Discovery:
    """Return a discovery that has seen some messages, a minute apart."""
    discovery = Discovery([HUB, THERMOMETER], registered, 100 * MINUTE_MS)
    for minute, (topic, payload) in enumerate(messages):
        discovery.saw(topic, payload, minute * MINUTE_MS)
    return discovery


def test_registered_places_are_found_without_going_through_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A city has thousands of plugs, each by a filter of its own; to ask each of them held the loop up for a second a message."""
    monkeypatch.delattr(publishers, "topic_matches")
    registered = Registered([*((f"shellies/plug-{number}/#", "") for number in range(20)), ("hub/+", "a"), ("own", "")])

    assert registered.has("shellies/plug-3/relay/0", "")
    assert registered.has("shellies/plug-3/#", "")
    assert registered.has("hub/x", "a")
    assert registered.has("own", "")
    assert not any(
        registered.has(*place) for place in [("shellies/plug-3/#", "a"), ("shellies/new/#", ""), ("hub/x", ""), ("hub", "a")]
    )


def test_publisher_is_told_with_rate_and_the_profile_that_fits() -> None:
    """And with the last value of each property."""
    discovery = looked_at(("a", b'{"t": 20}'), ("a", b'{"t": 21}'), ("b", b"hello"))
    a, b = discovery.found(NOBODY)
    assert (a.topic, a.hub_id, a.messages, a.per_h) == ("a", "", 2, 60.0)
    assert {name: fit.values for name, fit in a.fits.items()} == {"probe": {"temperature": 21.0}}
    assert (b.topic, b.messages, b.per_h, b.fits) == ("b", 1, None, {})
    assert discovery.messages == 3


def test_devices_behind_a_hub_are_publishers_of_their_own_and_the_hub_is_none() -> None:
    """Each with its own rate; its topic alone is nothing to register."""
    discovery = looked_at(("h", b'{"devices": {"x": 1, "y": 2}}'), ("h", b'{"devices": {"x": 3}}'))
    assert [(each.hub_id, each.messages, each.fits["radio"].values) for each in discovery.found(NOBODY)] == [
        ("x", 2, {"temperature": 3}),
        ("y", 1, {"temperature": 2}),
    ]


def test_of_registered_devices_in_a_hubs_message_nothing_is_kept() -> None:
    """Only of those beside them, by topic or by filter; and what is registered meanwhile is not told any more."""
    message = b'{"devices": {"mine": 1, "other": 2}}'
    for place in ("h/1", "h/+", "h/#"):
        discovery = looked_at(("h/1", message), registered=Registered([(place, "mine")]))
        assert {key[1] for key in discovery._publishers} == {"", "other"}
        assert [each.hub_id for each in discovery.found(Registered([(place, "mine")]))] == ["other"]
        assert discovery.found(Registered([(place, "mine"), (place, "other")])) == []


def test_what_is_kept_is_bounded_whatever_is_published() -> None:
    """Publishers beyond the bound, long topics and long ids are counted and nothing more; payloads are never kept."""
    discovery = Discovery([HUB, THERMOMETER], NOBODY, MINUTE_MS)
    for n in range(MOST_PUBLISHERS + 10):
        discovery.saw(f"t/{n}", b"{}", 0)
    assert (len(discovery.found(NOBODY)), discovery.left_off) == (MOST_PUBLISHERS, 10)
    discovery = looked_at(("t" * 2000, b""), ("h", json.dumps({"devices": {"i" * 300: 1}}).encode()))
    assert discovery.found(NOBODY) == []
    assert discovery.left_off == 1


def test_so_much_is_read_in_a_second_and_no_more() -> None:
    """The loop that takes readings in does not wait for whoever looks, however many strangers publish, and how long messages."""
    looks: list[str] = []
    discovery = Discovery([counting(looks)] * 4, NOBODY, MINUTE_MS)
    for n in range(200):
        discovery.saw(f"t/{n % 10}", b"x" * publishers.MOST_PAYLOAD_BYTES, n)
    within = publishers.MOST_READ_BYTES_PER_S // (4 * publishers.MOST_PAYLOAD_BYTES)
    assert 4 * (within - 2) <= len(looks) <= 4 * within
    discovery.saw("t/1", b"{}", 1000)
    assert looks[-1] == "t/1"
    assert sum(each.messages for each in discovery.found()) == 201
    before = len(looks)
    discovery.saw("t/1", b"x" * (publishers.MOST_PAYLOAD_BYTES + 1), 2000)
    assert len(looks) == before


def counting(looks: list[str]) -> Candidate:
    """Return a candidate that never fits, and counts how often it is tried."""

    def decode(topic: str, payload: bytes, now_ms: int) -> Ignore:
        looks.append(topic)
        return IGNORE

    return Candidate("never", False, decode)


def test_profiles_that_do_not_fit_are_no_longer_tried_once_one_does() -> None:
    """On a topic whose messages are known, that one alone."""
    looks: list[str] = []
    discovery = Discovery([counting(looks), THERMOMETER], NOBODY, MINUTE_MS)
    for n in range(TRIED_BY_ALL + 5):
        discovery.saw("t", b'{"t": 1}', n)
    assert len(looks) == TRIED_BY_ALL
    assert discovery.found(NOBODY)[0].fits["probe"].readings == TRIED_BY_ALL + 5


def test_device_with_several_topics_is_one_publisher_under_a_filter() -> None:
    """What else it publishes below, and nobody reads, is no publisher of its own."""
    profile = make_profile(Codec.JSON, {"temperature": "t", "LAeq": "db"})
    fields = {
        "temperature": replace(profile.fields["temperature"], topic="a/t"),
        "LAeq": replace(profile.fields["LAeq"], topic="b"),
    }
    plug = Candidate.of(replace(profile, fields=fields), THERMOMETER.decode, in_force=True)
    assert [plug.place(topic) for topic in ("x/y/a/t", "x/b", "a/t", "x/y/c")] == ["x/y/#", "x/#", "a/t", "x/y/c"]
    discovery = Discovery([plug], NOBODY, MINUTE_MS)
    for topic in ("x/y/a/t", "x/y/b", "x/y/c", "x/z"):
        discovery.saw(topic, b'{"t": 1}' if topic != "x/y/c" else b"on", 0)
    assert [(each.topic, each.messages) for each in discovery.found()] == [("x/y/#", 2), ("x/z", 1)]


def test_it_ends_by_itself() -> None:
    """After its time nothing is taken, whoever forgets to stop it."""
    discovery = Discovery([THERMOMETER], NOBODY, 1000)
    for now_ms in (999, 1000):
        discovery.saw("t", b'{"t": 1}', now_ms)
    assert discovery.messages == 1
