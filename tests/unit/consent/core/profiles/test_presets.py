"""What formats know by themselves is filled in where a profile states nothing, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.core.profiles.presets import OWN_HUB_ID, PRESETS, with_presets
from consent.core.profiles.profile import (
    AbsentSequence,
    Authentication,
    Codec,
    Profile,
    Repeat,
    Scheme,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import Reject
from tests.support.profiles import make_profile, parsed_profile, profile_fault


def profile_of(codec: Codec, **changes: Any) -> Profile:
    """Return a profile that states nothing but a field, changed."""
    return replace(make_profile(codec, {"a": "a"}), **changes)


def test_file_of_a_network_needs_no_more_than_its_fields() -> None:
    """Parsed, it states all; a hub without an id is told apart by the network's, where it has one."""
    parsed = parsed_profile("[hub]", head='codec = "things-stack-3"\n')
    assert (parsed.hub, parsed.time, parsed.sequence) == (
        ("end_device_ids.device_id",),
        PRESETS[Codec.THINGS_STACK_3].time,
        PRESETS[Codec.THINGS_STACK_3].sequence,
    )
    assert parsed_profile("[hub]", head='codec = "senml-cbor"\n').hub == ("bn",)
    assert profile_fault("[hub]", head='codec = "line-protocol"\n').startswith("`hub.id`: is missing")
    outside = '[fields.temperature]\npath = "^rxInfo[0].t"\nunit = "Cel"\n'
    assert parsed_profile("", head='codec = "chirpstack-3"\n', fields=outside).fields["temperature"].paths == ("^rxInfo[0].t",)


@pytest.mark.parametrize("codec", [codec for codec in Codec if codec is not Codec.VALUE])
def test_whatever_is_parsed_is_compiled(codec: Codec) -> None:
    """A file that says nothing but its format and a field; where the format knows the device, also behind a hub."""
    for hub in ("", "[hub]\n") if codec in PRESETS and PRESETS[codec].hub else ("",):
        decode = compile_decoder(parsed_profile(hub, head=f'codec = "{codec}"\ncompression = "gzip"\n'))
        assert isinstance(decode("a/attrs", b"\x1f\x8b", 0), Reject)


@pytest.mark.parametrize("codec", [Codec.JSON, Codec.CBOR, Codec.VALUE])
def test_formats_without_places_of_their_own_add_nothing(codec: Codec) -> None:
    """A plain message means what its profile says."""
    profile = profile_of(codec)
    assert with_presets(profile) is profile


def test_network_states_time_number_run_and_device() -> None:
    """Filled in all at once, and the same when done twice."""
    filled = with_presets(profile_of(Codec.CHIRPSTACK_4, hub=OWN_HUB_ID))
    assert filled.time == TimeField("time", TimeFormat.ISO8601, TimeOrigin.NETWORK, optional=True)
    assert filled.sequence == SequenceField("fCnt", "devAddr", AbsentSequence.ZERO)
    assert filled.hub == ("deviceInfo.devEui",)
    assert with_presets(filled) == filled
    assert with_presets(profile_of(Codec.CHIRPSTACK_4)).hub == ()


def test_list_inside_a_document_leaves_the_document_s_own_places() -> None:
    """They are of the message as a whole, levels of the topic are as they are."""
    filled = with_presets(profile_of(Codec.HELIUM, each="history", hub=OWN_HUB_ID))
    assert filled.time is not None
    assert filled.sequence is not None
    assert (filled.time.path, filled.sequence.path, filled.sequence.boot) == ("^reported_at", "^fcnt", "^devaddr")
    assert filled.hub == ("^dev_eui",)
    assert with_presets(profile_of(Codec.FIWARE_JSON, each="x", hub=OWN_HUB_ID)).hub == ("$topic[-2]",)


def test_what_a_profile_states_counts() -> None:
    """Its time, its number, its id; of a number without a path the rest is stated, and the places are the format's."""
    time = TimeField("object.at", TimeFormat.UNIX_S, TimeOrigin.DEVICE)
    sequence = SequenceField("object.n", None)
    own = profile_of(Codec.THINGS_STACK_3, time=time, sequence=sequence, hub=("x",))
    assert with_presets(own) == own
    partly = with_presets(
        profile_of(Codec.THINGS_STACK_3, sequence=SequenceField(None, None, AbsentSequence.NONE, restarts=True))
    )
    expected = SequenceField("uplink_message.f_cnt", "uplink_message.session_key_id", AbsentSequence.NONE, restarts=True)
    assert partly.sequence == expected


def test_another_way_of_writing_the_time_leaves_it_optional() -> None:
    """A precision of line protocol says nothing of whether a line has a time."""
    seconds = with_presets(profile_of(Codec.LINE_PROTOCOL, time=TimeField("timestamp", TimeFormat.UNIX_S, TimeOrigin.DEVICE)))
    elsewhere = with_presets(profile_of(Codec.LINE_PROTOCOL, time=TimeField("tags.at", TimeFormat.UNIX_S, TimeOrigin.DEVICE)))
    assert seconds.time == TimeField("timestamp", TimeFormat.UNIX_S, TimeOrigin.DEVICE, optional=True)
    assert elsewhere.time is not None
    assert not elsewhere.time.optional


def test_numbers_of_the_format_are_left_where_others_tell_repeats() -> None:
    """Signatures have numbers of their own, and `[repeat]` is for messages without."""
    signed = Authentication(Scheme.MAC0)
    assert with_presets(profile_of(Codec.HELIUM, authentication=signed)).sequence is None
    assert with_presets(profile_of(Codec.HELIUM, repeat=Repeat(least_interval_ms=1000))).sequence is None


def test_every_network_has_its_number_begin_at_an_absent_zero() -> None:
    """As JSON of Protocol Buffers leaves zeros out; and every place of it is of the network's clock."""
    networks = [Codec.CHIRPSTACK_3, Codec.CHIRPSTACK_4, Codec.THINGS_STACK_3, Codec.HELIUM]
    for codec in networks:
        time, sequence = PRESETS[codec].time, PRESETS[codec].sequence
        assert time is not None
        assert sequence is not None
        assert (time.source, sequence.absent) == (TimeOrigin.NETWORK, AbsentSequence.ZERO)
