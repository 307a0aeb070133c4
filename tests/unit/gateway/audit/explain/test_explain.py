"""Entries in plain words: every kind, in three languages, and never more than the opening holds."""

from __future__ import annotations

import hashlib
import io
import json
from argparse import Namespace
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

import pytest

from consent.core.consents.records import COUNTER, GATEWAY, OPERATOR, PASSKEY, SESSION, Consent, Status, encode
from consent.core.disclosure import Disclosure, Identity, Space, Time
from consent.core.explain.phrases import SENTENCES as EXPLAINED
from consent.core.languages import LANGUAGES
from consent.core.policies.fingerprint import fingerprint, key_sha256
from consent.core.policies.notice import notice_of
from gateway.audit import command
from gateway.audit.explain.content import SENTENCES, say
from gateway.audit.explain.explain import EntryExplanation, explain
from gateway.audit.log import canonical
from gateway.audit.log.chain import Chain
from gateway.audit.log.earlier_payloads import EarlierPolicyPayload
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening, Part, commit
from gateway.audit.log.payloads import (
    Contribution,
    CredentialsEndedPayload,
    EnrolmentPayload,
    KeyPayload,
    PayloadError,
    PolicyPayload,
    ReleasePayload,
    ReleaseRecord,
)
from tests.support.enrolled import new_passkey, signed_by
from tests.support.log import SIGNER, START_MS, SUBJECTS, SampleLog, sample

CHANNELS = (OPERATOR, COUNTER, PASSKEY, SESSION, GATEWAY)
_DIGEST = hashlib.sha256(b"").digest()
_FURTHER: dict[Kind, dict[str, Any]] = {
    Kind.POLICY: {"policy": _DIGEST},
    Kind.RELEASE: {"bundle_sha256": _DIGEST, "labels_root": _DIGEST},
    Kind.ERASURE: {"subject_sha256": _DIGEST, "parts_deleted": 3},
}


def _entry(kind: Kind, *parts: bytes) -> tuple[Entry, Opening]:
    """Return an entry of a kind with its opening."""
    chain = Chain()
    if kind is not Kind.GENESIS:
        chain.make(Kind.GENESIS, 0, bytes(32))
    salted = [(bytes([n]) * 32, part) for n, part in enumerate(parts or (canonical.encode({"kind": kind.word}),))]
    entry = chain.make(kind, START_MS, commit(salted), **_FURTHER.get(kind, {}))
    return entry, Opening(entry.sequence, tuple(Part(*part) for part in salted))


def _consent(status: Status = Status.GIVEN, **changes: Any) -> Consent:
    fields: dict[str, Any] = {
        "subject": SUBJECTS[0],
        "resident": bytes([9]) * 16,
        "scope": "purpose:energy-planning",
        "limits": Disclosure(Identity.AGGREGATE, Time.named("4h"), Space.named("city"), (), 20, 30, inf),
        "status": status,
        "notice": notice_of(()),
        "time_ms": START_MS,
        "since_ms": START_MS,
        "expiry_ms": START_MS + 86_400_000,
        "channel": "operator",
        "signature": b"x",
        "terms": (),
    }
    return Consent(**(fields | changes))


def _content(explanation: EntryExplanation) -> str:
    assert explanation.content is not None
    return "\n".join(explanation.content)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.word)
def test_entry_of_every_kind_is_explained_in_every_language(kind: Kind, language: str) -> None:
    """Without an opening: what the entry says in clear, and that its content is not at hand."""
    entry, _ = _entry(kind)
    explanation = explain(entry, None, 9, language)
    assert explanation.summary == say(language, kind.word, parts=3)
    assert "{" not in explanation.to_text(language)
    assert say(language, "no_opening") in explanation.to_text(language)
    assert explanation.as_json()["kind"] == kind.word
    assert explanation.as_json()["content"] is None


def test_every_status_and_channel_of_a_consent_has_words() -> None:
    """No name of the program's own reaches a citizen's screen."""
    assert {status.value for status in Status} <= SENTENCES["en"].keys()
    assert {f"channel_{channel}" for channel in CHANNELS} <= SENTENCES["en"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_consent_with_its_opening_says_who_what_and_on_whose_word(language: str) -> None:
    """A grant shows limits and end; a withdrawal has none; an authority is named."""
    given = _content(explain(*_entry(Kind.CONSENT, encode(_consent())), 9, language))
    assert SUBJECTS[0].hex() in given
    assert "energy-planning" in given
    assert "purpose:" not in given
    for axis, level in (("time", "time.4h"), ("space", "area.city"), ("identity", "identity.aggregate")):
        assert f"  {EXPLAINED[language][f'axis.{axis}']}: {EXPLAINED[language][level]}" in given
    assert say(language, "channel_operator") in given
    withdrawn = _content(explain(*_entry(Kind.WITHDRAWAL, encode(_consent(Status.WITHDRAWN, channel="session"))), 9, language))
    assert say(language, "channel_session") in withdrawn
    assert EXPLAINED[language]["time.4h"] not in withdrawn
    revoked = _consent(Status.REVOKED, authority="court of Ribera", channel="fax", expiry_ms=None)
    told = _content(explain(*_entry(Kind.CONSENT, encode(revoked)), 9, language))
    assert "court of Ribera" in told
    assert "fax" in told


def test_change_of_who_speaks_with_its_opening_says_who() -> None:
    """The residents that are left; none is said in words."""
    told = _content(explain(*_entry(Kind.KEY, KeyPayload(SUBJECTS[0], (bytes([9]) * 16,)).encode()), 9, "en"))
    assert told == f"subject {SUBJECTS[0].hex()}\nwho speaks for it: {'09' * 16}"
    assert explain(*_entry(Kind.KEY, KeyPayload(SUBJECTS[0], ()).encode()), 9, "es").content == (
        say("es", "subject", id=SUBJECTS[0].hex()),
        say("es", "nobody"),
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_yes_of_a_passkey_names_its_key(language: str) -> None:
    """By it the entry is found that enrolled it."""
    phone = new_passkey()
    signed = signed_by(phone, _consent())
    told = _content(explain(*_entry(Kind.CONSENT, encode(signed)), 9, language))
    assert say(language, "channel_passkey", key=sha256(phone.public_key).hexdigest()) in told
    with pytest.raises(PayloadError, match="proof"):
        explain(*_entry(Kind.CONSENT, encode(_consent(channel="passkey"))), 9, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("how", ["letter", "invitation", "recovery", "counter", "passkey"])
def test_enrolment_says_whose_what_for_which_site_and_how(how: Any, language: str) -> None:
    """And no paper code that was used up, though it is of no use any more."""
    payload = EnrolmentPayload(SUBJECTS[0], bytes([9]) * 16, how, bytes(32), "sensors.ribera.example", b"p" * 32, b"K7QM-4T2X")
    told = _content(explain(*_entry(Kind.KEY, payload.encode()), 9, language))
    for line in (
        say(language, "subject", id=SUBJECTS[0].hex()),
        say(language, "of_resident", id="09" * 16),
        say(language, "enrolled_passkey", site="`sensors.ribera.example`", key="00" * 32),
        say(language, "enrolled_paper", paper=(b"p" * 32).hex()),
        say(language, f"how_{how}"),
    ):
        assert line in told
    assert "K7QM" not in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("by", ["resident", "counter", "left"])
def test_end_of_credentials_says_which_and_by_whom(by: Any, language: str) -> None:
    payload = CredentialsEndedPayload(SUBJECTS[0], bytes([9]) * 16, (bytes(32), b"k" * 32), True, by)
    told = _content(explain(*_entry(Kind.KEY, payload.encode()), 9, language))
    for line in (
        say(language, "ended_passkey", key="00" * 32),
        say(language, "ended_passkey", key=(b"k" * 32).hex()),
        say(language, "ended_paper"),
        say(language, f"ended_by_{by}"),
    ):
        assert line in told


def test_record_and_contribution_say_what_was_measured_and_on_what() -> None:
    """Property, statistic, and the class and block of the device."""
    record = ReleaseRecord("f", ("1h", "city", "1"), "c", (0, 1), 1, "aggregate", "LAeq", "energy-mean")
    share = Contribution(0, SUBJECTS[0], {}, 1, (2,), 1, "noise-box", "old-mill")
    told = _content(explain(*_entry(Kind.RELEASE, ReleasePayload("city", (record,)).encode(), share.encode()), 9, "en"))
    assert "property: `LAeq`, figure: mean by energy" in told
    assert "its device: `noise-box`, `old-mill`" in told
    assert "how finely: time by the hour, place by the whole city, value in steps of 1" in told
    assert say("en", "city_owned") not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_record_of_no_subject_says_whose_devices_have_told_it(language: str) -> None:
    """As the operator states: it is a word to be asked about."""
    record = ReleaseRecord("f", ("1h", "city", "1"), "c", (0, 1), 1, "aggregate", "LAeq", "mean", "city")
    told = _content(explain(*_entry(Kind.RELEASE, ReleasePayload("city", (record,)).encode()), 9, language))
    assert say(language, "city_owned") in told


def test_release_with_its_opening_says_what_each_record_rests_on(tmp_path: Path) -> None:
    """Recipient, records, contributions; what has been erased is counted and not shown."""
    log = sample(tmp_path)
    bundle = (log.log.path / "tile/entries/000.p/15").read_bytes()
    entry = Entry.decode(_nth(bundle, 5))
    told = _content(explain(entry, log.openings[5], 15, "en"))
    assert "recipient: `city`" in told
    assert f"readings of subject {SUBJECTS[1].hex()}: 2, permitted by policy entry 1 and consent entries 3" in told
    assert SUBJECTS[0].hex() not in told
    assert "erased parts: 1" in told


def _nth(bundle: bytes, index: int) -> bytes:
    at = 0
    for _ in range(index):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[at + 2 : at + 2 + int.from_bytes(bundle[at : at + 2], "big")]


def test_opening_cannot_write_to_the_terminal_or_borrow_a_phrase() -> None:
    """Control characters are replaced, and a name that is also that of a phrase stands for itself."""
    record = ReleaseRecord("f\x1b[2J", ("1h", "city", "1"), "c\n", (0, 1 << 62), 1, "entry")
    told = explain(*_entry(Kind.RELEASE, ReleasePayload("city\x07", (record,)).encode()), 9, "en")
    assert told.content is not None
    assert all(line.isprintable() for line in told.content)
    assert "readings: 1, `entry`" in _content(told)
    assert f"{1 << 62} ms" in _content(told)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ERASURE], ids=lambda kind: kind.word)
def test_opening_that_is_not_of_its_kind_is_refused(kind: Kind) -> None:
    """Nothing is made of bytes that are not what they should be."""
    with pytest.raises(PayloadError):
        explain(*_entry(kind, b"\x00"), 9, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_opening_of_policies_shows_whose_keys_came_into_force(language: str) -> None:
    """An auditor reads the fingerprints to the recipients; a log of before recorded none."""
    keys = {"grid": key_sha256(b"g" * 32), "city\n": key_sha256(b"c" * 32)}
    told = explain(*_entry(Kind.POLICY, PolicyPayload(_DIGEST, keys).encode()), 9, language)
    assert told.content is not None
    assert all(line.isprintable() for line in told.content)
    assert told.content[1] == say(language, "recipient_key", recipient="`grid`", fingerprint=fingerprint(b"g" * 32))
    earlier = explain(*_entry(Kind.POLICY, EarlierPolicyPayload(_DIGEST).encode()), 9, language)
    assert earlier.content == (say(language, "nothing_more"),)


@pytest.mark.parametrize("kind", [Kind.GAP, Kind.REIDENTIFICATION], ids=lambda kind: kind.word)
def test_opening_of_an_open_kind_is_shown_key_by_key(kind: Kind) -> None:
    """Kinds whose payload is one map show it as it stands."""
    payload = canonical.encode({"kind": kind.word, "boot": b"\x01\x02", "clock": {"synced": False}, "list": [1, "a"]})
    assert explain(*_entry(kind, payload), 9, "en").content == ("`boot`: 0102", "`list`: 1, a", "`clock`: {synced False}")
    assert explain(*_entry(kind), 9, "en").content == (say("en", "nothing_more"),)


def _run(log: SampleLog, index: int, **given: Any) -> tuple[int, str]:
    args = {"key": None, "witnesses": None, "openings": None, "language": "en", "locale": "", "json": False} | given
    out = io.StringIO()
    return command.run("explain", Namespace(place=str(log.log.path), index=index, **args), out), out.getvalue()


def test_explain_from_the_command_line_says_what_it_trusts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key from elsewhere it says NONE; with the openings it says more."""
    log = sample(tmp_path)
    status, text = _run(log, 8)
    assert status == 0
    assert text.splitlines()[1].startswith("trust: NONE")
    assert "release 5" not in text
    status, text = _run(log, 8, key=SIGNER.vkey(), openings=log.openings_folder.path, language="pt")
    assert (status, text.splitlines()[1]) == (0, f"confiança: a chave que indicou, {SIGNER.vkey()}")
    assert "é a entrega 5" in text
    told = json.loads(_run(log, 8, openings=log.openings_folder.path, json=True)[1])
    assert (told["kind"], told["content"], told["trust"]["pinned"]) == ("void", ["it is release 5"], False)
    (log.openings_folder.path / "8").write_bytes(log.openings[6].encode())
    assert _run(log, 8, openings=log.openings_folder.path)[0] == 1
    assert "openings/8" in capsys.readouterr().err
