"""Receipts say what the record says, in the city's words; any other word is found, whoever signed it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from consent.core.consents.records import PASSKEY, Status, encode, record_hash, signing_bytes
from consent.core.decide import decide
from consent.core.disclosure import TOP, Disclosure
from consent.core.outcome import outcome
from consent.core.passkeys.proof import Proof
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.core.receipts.canonical_json import LARGEST_BYTES, Json, canonical_json, read_receipt, write_receipt
from consent.core.receipts.check import check_receipt, commitment, find_breaks, record_in
from consent.core.receipts.receipts import Issue, message_of
from consent.core.receipts.rights import rights_nodes
from consent.core.receipts.terms import base64url, date_time, decimal, disclosure_node, from_base64url, time_of
from consent.errors import RecordError
from gateway.audit.log.openings import commit
from tests.support.consent_samples import NOW_MS, agreed, points, policies
from tests.support.mutations import mutated, wanted
from tests.support.receipt_samples import (
    CASES,
    CITY,
    ISSUE,
    LOG_KEY,
    NOISY,
    PHONE,
    PLACE,
    life,
    receipt_of,
    said,
    signed,
    signed_with,
    verify,
)
from tests.support.virtual_passkey import VirtualPasskey

GIVEN = CASES["Given"]
FREE_CITY = policies(('identity = "per-epoch"\nspace = "block"\ngroup = 10', ""))
"""The small city without a ceiling, where a consent alone bounds what a flow asks."""
NOISY_CITY = policies(('identity = "per-epoch"\nspace = "block"\ngroup = 10', ""), *NOISY)
"""The same with noise in its hourly figures."""
FORMER = Path(__file__).parent
FORMER_CITY = parse_policies(
    {str(file.relative_to(FORMER / "former_city")): file.read_bytes() for file in (FORMER / "former_city").rglob("*.toml")}
)
"""The small city as policies were when receipts of the first two versions were made."""


def record(receipt: Json) -> Json:
    """Return the record's node in a receipt."""
    node: Json = receipt["hasRecordOfActivity"]
    return node


def processes(receipt: Json) -> dict[str, Json]:
    """Return what a receipt says about each flow."""
    return {process["identifier"]: process for process in record(receipt)["hasProcess"]}


def described(receipt: Json, kind: str) -> list[Json]:
    """Return the descriptions of one kind."""
    return [node for node in receipt["included"] if node["@type"] == kind]


def resigned(receipt: Json) -> Json:
    """Return a changed receipt as its own issuer would sign it."""
    return {**receipt, "signature": base64url(LOG_KEY.sign(message_of(receipt)))}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through the paths of all values that hold no others."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list):
        yield path
    for key, each in below:
        yield from places(each, (*path, key))


def changed(receipt: Json, path: tuple[Any, ...]) -> Json:
    """Return a copy in which one value is another of its type."""
    copy = deepcopy(receipt)
    holder: Any = copy
    for step in path[:-1]:
        holder = holder[step]
    value = holder[path[-1]]
    holder[path[-1]] = value + 1 if isinstance(value, int) else f"{value}x"
    return copy


@pytest.mark.parametrize("case", CASES)
def test_receipt_of_every_case_holds(case: str) -> None:
    """As made, and after a way through a file."""
    assert check_receipt(CASES[case], verify) == []
    assert read_receipt(write_receipt(CASES[case])) == CASES[case]


def test_receipt_is_checked_against_the_policies_whose_words_it_has() -> None:
    """With them it holds; with others of other wording it does not, though both signatures do."""
    assert check_receipt(GIVEN, verify, CITY) == []
    other = policies(('en = "Energy"', 'en = "Advertising"'))
    assert check_receipt(receipt_of(said(Status.GIVEN), other), verify) == []
    assert check_receipt(receipt_of(said(Status.GIVEN), other), verify, CITY) == [
        "`included` is not in the words of these policies"
    ]


@pytest.mark.parametrize(
    ("status", "kinds", "speaker"),
    [
        (Status.REQUESTED, ["dpv:ConsentRequested"], "controller"),
        (Status.REFUSED, ["dpv:ConsentRefused"], "dpv:DataSubject"),
        (Status.GIVEN, ["dpv:ConsentGiven", "dpv:ExpressedConsent"], "dpv:DataSubject"),
        (Status.RENEWED, ["dpv:RenewedConsentGiven", "dpv:ExpressedConsent"], "dpv:DataSubject"),
        (Status.PAUSED, ["sluice:ConsentPaused", "dpv:ConsentStatusInvalidForProcessing"], "dpv:DataSubject"),
        (Status.WITHDRAWN, ["dpv:ConsentWithdrawn"], "dpv:DataSubject"),
        (Status.REVOKED, ["dpv:ConsentRevoked"], "dpv:Authority"),
        (Status.EXPIRED, ["dpv:ConsentExpired"], "controller"),
        (Status.INVALIDATED, ["dpv:ConsentInvalidated"], "controller"),
    ],
)
def test_status_is_told_with_its_speaker(status: Status, kinds: list[str], speaker: str) -> None:
    """Withdrawn by the resident and revoked by another are different things, and a pause is shown as invalid for processing."""
    event = record(CASES[status.value])["hasConsentStatus"]
    assert event["@type"] == kinds
    by = event["isIndicatedBy"]
    assert (by["@type"] if isinstance(by, dict) else by.split(":")[2]) == speaker
    if status is Status.REVOKED:
        assert by["hasName"] == "Data protection authority, file 7/2026"


def test_only_a_yes_says_what_may_be_revealed() -> None:
    """Every other status tells what was asked, and permits nothing."""
    for status in Status:
        permits = status in (Status.GIVEN, Status.RENEWED)
        assert all(("atMost" in process) is permits for process in processes(CASES[status.value]).values())


@pytest.mark.parametrize("city", [FREE_CITY, NOISY_CITY], ids=["exact", "noisy"])
@given(limits=points().filter(lambda point: not point.is_bottom), rung=st.sampled_from([0.5, 1.0, 2.0, inf]))
def test_at_most_is_what_would_leave_without_ceilings(city: PolicySet, limits: Disclosure, rung: float) -> None:
    """For every flow and every point that a resident may choose, where the μ is one that policies have."""
    consent = agreed(city, "purpose:energy", replace(limits, budget=rung))
    for flow, process in processes(receipt_of(consent, city)).items():
        decision = decide(city, flow, [consent], "mill", TOP, NOW_MS)
        leaving = outcome(city, city.flows[flow], "consumption", decision, "mill")
        if leaving.reason != "retention":  # that policies keep it for longer is not for a record to know
            assert process["atMost"] == disclosure_node(leaving.disclosure)


def test_at_most_of_a_mu_between_two_rungs_is_no_less_than_what_leaves() -> None:
    """The rungs are the policies', and may change; the record is what the resident said."""
    consent = agreed(NOISY_CITY, "hourly", replace(TOP, budget=1.5))
    decision = decide(NOISY_CITY, "hourly", [consent], "mill", TOP, NOW_MS)
    assert decision.disclosure.budget == 1.0
    assert processes(receipt_of(consent, NOISY_CITY))["hourly"]["atMost"]["mu"] == "1.5"


def test_limits_name_the_axes_that_the_resident_bounds_and_no_others() -> None:
    """Nobody said a century, or `exact`; in each flow all axes are told, as the lesser of both sides."""
    assert record(GIVEN)["limits"] == {
        "@type": "sluice:Disclosure",
        "time": "sluice:time-4h",
        "precision": [{"@type": "sluice:Precision", "identifier": "consumption", "step": "1"}],
        "group": 12,
        "retention": "P30D",
        "mu": "0.5",
    }
    assert record(CASES["one pseudonym a day"])["limits"] == {"@type": "sluice:Disclosure"}
    hourly = processes(GIVEN)["hourly"]
    assert hourly["asked"]["group"] == 15
    assert hourly["atMost"]["group"] == 15
    assert hourly["atMost"]["space"] == "sluice:space-district"
    assert hourly["hasTechnicalMeasure"] == [
        {"@type": "sluice:GroupThreshold", "group": 15},
        {"@type": "sluice:CalibratedNoise", "mu": "0.5"},
    ]


def test_retention_is_the_shorter_of_both() -> None:
    """A recipient may keep it as long as the flow asks, or as the resident permits; what is not told at all, for no day."""
    days = {flow: process["hasStorageCondition"][1]["hasDuration"]["length"] for flow, process in processes(GIVEN).items()}
    assert days == {"hourly": "P30D", "daily": "P0D", "raw": "P0D"}
    assert processes(CASES["Refused"])["hourly"]["hasStorageCondition"][1]["hasDuration"]["length"] == "P365D"


def test_duration_is_until_its_date_or_an_event() -> None:
    """A yes without a date ends with the withdrawal; a no lasts until the next yes."""
    duration = {case: record(CASES[case])["hasConsentStatus"]["hasDuration"] for case in ("Given", "until withdrawn", "Refused")}
    assert duration["Given"]["untilTime"] == "2026-03-21T23:00:00.000Z"
    assert duration["until withdrawn"]["untilEvent"] == "dpv:ConsentWithdrawn"
    assert duration["Refused"]["untilEvent"] == "dpv:ConsentGiven"


def test_texts_stand_in_all_languages_of_the_city() -> None:
    """Titles and reasons of the policies, and the rights in those that the program speaks."""
    texts = [node[key] for node in GIVEN["included"] for key in ("title", "description") if key in node]
    texts += [right[key] for right in record(GIVEN)["hasRight"] for key in ("title", "description")]
    assert len(texts) >= 20
    assert all(text.keys() == {"en", "pt"} and all(text.values()) for text in texts)
    (notice,) = described(GIVEN, "dpv:ConsentNotice")
    assert notice["language"] == ["en", "pt"]
    assert notice["source"] == f"urn:sluice:policies:{CITY.sha256.hex()}"


def test_rights_are_in_english_where_the_program_speaks_none_of_the_languages() -> None:
    """Rather than in none."""
    assert all(node["title"].keys() == {"en"} for node in rights_nodes("https://town.example", True, ["ca", "gl"]))


def test_rights_outside_the_regulation_are_those_of_the_program() -> None:
    """No article is named where it is not the law, and the receipt claims the plain profile."""
    receipt = CASES["outside the regulation"]
    assert receipt["conformsTo"] == ["sluice:receipt-v4", "dpv-27560:receipt"]
    assert record(receipt)["conformsTo"] == ["dpv-27560:record"]
    assert len(record(receipt)["hasRight"]) == 5
    assert "eu-gdpr:" not in json.dumps({key: value for key, value in receipt.items() if key != "@context"})


def test_flow_that_the_policies_know_on_other_terms_has_no_words() -> None:
    """Not even its title, which may speak of the other terms; the purpose and the recipient keep theirs."""
    receipt = CASES["policies without the flow"]
    assert [node["@id"].rpartition(":")[2] for node in described(receipt, "dpv:Process")] == ["raw"]
    assert processes(receipt).keys() == {"hourly", "daily", "raw"}
    assert described(receipt, "dpv:Purpose")[0]["broader"] == "dpv:CombatClimateChange"
    assert described(receipt, "dpv:Recipient")[0]["title"] == {"en": "Office", "pt": "Gabinete"}


def test_receipt_without_policies_claims_no_conformity() -> None:
    """The controller and the languages are mandatory, and stand in no record."""
    receipt = CASES["policies unknown"]
    assert receipt["included"] == []
    assert receipt["conformsTo"] == ["sluice:receipt-v4"]
    assert "conformsTo" not in record(receipt)
    assert processes(receipt)["hourly"]["asked"]["group"] == 15


def test_receipt_leaves_out_what_it_was_not_told() -> None:
    """Label key, salt and handed-over bundles, the last of which may also be known to be none."""
    assert not {"labelKey", "handedOver"} & CASES["bare"].keys()
    assert "salt" not in CASES["bare"]["logEntry"]
    assert receipt_of(said(Status.WITHDRAWN), issue=Issue(NOW_MS, handed_over=()))["handedOver"] == []
    assert GIVEN["handedOver"] == [3, 4]
    assert GIVEN["labelKey"] == ISSUE.label_key.hex()


def test_receipt_holds_the_record_itself() -> None:
    """Byte for byte, under its hash, with what it replaces."""
    later = life()[-1]
    receipt = CASES["a chain's later record"]
    assert record_in(receipt) == later
    assert record(receipt)["identifier"] == record_hash(later).hex()
    assert record(receipt)["replaces"] == f"urn:sluice:record:{later.previous.hex()}"
    assert "replaces" not in record(GIVEN)


def test_commitment_is_that_of_the_log_entry() -> None:
    """As the log computes it from the record and the salt; without the salt there is none."""
    assert commitment(GIVEN) == commit([(PLACE.salt, encode(said(Status.GIVEN)))])
    assert commitment(CASES["bare"]) is None
    with pytest.raises(RecordError):
        commitment({})


def test_chain_of_receipts_is_followed_through_every_status() -> None:
    """From the first question to the last end; a gap or another's receipt is named."""
    receipts = [receipt_of(consent) for consent in life()]
    assert find_breaks(receipts) == []
    assert find_breaks([*receipts[:4], *receipts[5:]]) == ["receipt 5 does not replace receipt 4"]
    other = receipt_of(signed(agreed(CITY, "hourly")))
    assert find_breaks([*receipts, other]) == ["receipt 15 is about somebody or something else than receipt 14"]


def test_receipt_of_the_third_version_is_still_taken() -> None:
    """As the version before passkeys wrote it."""
    third = read_receipt((FORMER / "third_version.jsonld").read_bytes())
    assert third["conformsTo"][0] == "sluice:receipt-v3"
    assert check_receipt(third, verify, CITY) == []
    assert "isSignedWith" not in third["@context"]


@pytest.mark.parametrize("version", [1, 2])
def test_receipt_of_a_former_version_is_still_taken(version: int) -> None:
    """As an earlier version wrote it, with the share and the ε of then, and against the policies of then."""
    former = read_receipt((FORMER / f"{('first', 'second')[version - 1]}_version.jsonld").read_bytes())
    assert former["conformsTo"][0] == f"sluice:receipt-v{version}"
    assert former["labelKey"] == (base64url(ISSUE.label_key) if version == 1 else ISSUE.label_key.hex())
    assert processes(former)["hourly"]["atMost"]["budget"] == "0.5"
    assert check_receipt(former, verify, FORMER_CITY) == []
    (bounds,) = described(former, "sluice:PolicySet")
    assert bounds["share"] == "0.15"
    bounds["share"] = "0.5"
    assert check_receipt(resigned(former), verify, FORMER_CITY) == ["`included` is not in the words of these policies"]


def test_receipt_of_the_first_version_says_nothing_else_of_either_form() -> None:
    """Limits on every axis, and the label key in base64url."""
    first = read_receipt((FORMER / "first_version.jsonld").read_bytes())
    renamed = {**first, "conformsTo": ["sluice:receipt-v2", *first["conformsTo"][1:]]}
    assert check_receipt(resigned(renamed), verify) == [
        *(f"`hasRecordOfActivity.limits.{axis}` says other than the record" for axis in ("identity", "space")),
        "`labelKey` says other than the record",
    ]


def test_receipt_of_a_later_version_asks_for_a_later_program() -> None:
    """It is not called malformed, or forged."""
    later = {**GIVEN, "conformsTo": ["sluice:receipt-v5"]}
    assert check_receipt(resigned(later), verify) == [
        "`conformsTo` names no version of receipts that this program knows: check it with a newer one"
    ]


# --- Attacks ----------------------------------------------------------------------------------------------------------


def test_any_changed_value_breaks_the_signature() -> None:
    """Of every line of a receipt, the signature's own among them."""
    for path in places(GIVEN):
        assert check_receipt(changed(GIVEN, path), verify), path


@pytest.mark.parametrize("case", ["a chain's later record", "Revoked", "policies unknown"])
def test_issuer_cannot_say_other_than_the_record(case: str) -> None:
    """Each value that is changed and signed again is found, but for the issuer's own: words, place in the log, time of issue.

    With the policies at hand, changed words are found too.
    """
    own = {"included", "logEntry", "labelKey", "handedOver", "signer", "signature", "created"}
    for path in places(CASES[case]):
        if path[0] not in own:
            assert check_receipt(resigned(changed(CASES[case], path)), verify), path
        if path[0] == "included":
            assert check_receipt(resigned(changed(CASES[case], path)), verify, CITY), path


def test_issuer_can_neither_add_nor_leave_out() -> None:
    """A key more or less, anywhere but in the words, is found."""
    more = deepcopy(GIVEN)
    processes(more)["hourly"]["hasRecipient"]["title"] = {"en": "Nobody"}
    assert check_receipt(resigned(more), verify) == [
        "`hasRecordOfActivity.hasProcess[1].hasRecipient.title` says other than the record"
    ]
    less = deepcopy(GIVEN)
    del record(less)["limits"]
    assert check_receipt(resigned(less), verify) == ["`hasRecordOfActivity.limits` says other than the record"]
    fewer = deepcopy(GIVEN)
    record(fewer)["hasProcess"].pop()
    assert check_receipt(resigned(fewer), verify) == ["`hasRecordOfActivity.hasProcess` says other than the record"]


def test_context_is_always_the_same() -> None:
    """Else the words could be given other meanings, or be fetched from elsewhere."""
    other = deepcopy(GIVEN)
    other["@context"]["dpv"] = "https://example.org/other#"
    assert check_receipt(resigned(other), verify) == ["`@context.dpv` says other than the record"]
    assert check_receipt(resigned({**GIVEN, "@context": "https://example.org/context"}), verify)


def test_words_cannot_describe_what_the_record_does_not_name() -> None:
    """Another recipient, the same twice, or something of another kind."""
    (office,) = described(GIVEN, "dpv:Recipient")
    for added in ({**office, "@id": office["@id"] + "2"}, office, {**office, "@type": "dpv:Purpose", "broader": "dpv:Purpose"}):
        problems = check_receipt(resigned({**GIVEN, "included": [*GIVEN["included"], added]}), verify)
        assert problems == ["`included` describes what the record does not name, or something twice"]
    unknown = {**GIVEN, "included": [{**office, "hasNom": "Nobody"}]}
    (said,) = check_receipt(resigned(unknown), verify)
    assert said == "`included[0].hasNom` of a receipt: is not a known key"
    for node in ({"@type": "dpv:Nobody"}, {}):
        said = "`included[0]` of a receipt: its `@type` is none that a receipt describes"
        assert check_receipt(resigned({**GIVEN, "included": [node]}), verify) == [said]


def test_numbers_and_truth_are_not_the_same() -> None:
    """`true` where a 1 should be is a change, though some languages call them equal."""
    true = deepcopy(CASES["one pseudonym a day"])
    processes(true)["daily"]["asked"]["group"] = True
    assert check_receipt(resigned(true), verify) == ["`hasRecordOfActivity.hasProcess[0].asked.group` says other than the record"]


def test_other_key_is_found() -> None:
    """That of another log, over the receipt and over the record in it."""
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)

    def verify_other(signature: bytes, message: bytes) -> bool:
        return signature == other.sign(message)

    assert len(check_receipt(GIVEN, verify_other)) == 2
    forged = replace(said(Status.GIVEN), signature=b"x" * 64)
    assert check_receipt(receipt_of(forged), verify) == ["the signature of the record itself is not by this key"]
    assert check_receipt(receipt_of(replace(forged, channel="fax")), verify) == [
        "the signature of the record itself is not by this key"
    ]
    assert check_receipt(receipt_of(replace(forged, channel="session")), verify) == [
        "the signature of the record itself is not by this key"
    ]


def test_receipt_holds_what_checks_the_passkeys_signature() -> None:
    """The public key, by whose hash the log names the passkey, and all that was signed: with other tools, too."""
    node = record(CASES["from the portal"])["isSignedWith"]
    key, client_data = (from_base64url(node[name]) for name in ("publicKey", "clientData"))
    assert node["identifier"] == sha256(key).hexdigest()
    assert node["site"] == PHONE.origin
    asked = json.loads(client_data)
    consent = record_in(CASES["from the portal"])
    assert asked["challenge"] == base64url(sha256(signing_bytes(consent)).digest())
    point = cbor2.loads(key)
    numbers = EllipticCurvePublicNumbers(int.from_bytes(point[-2]), int.from_bytes(point[-3]), SECP256R1())
    message = from_base64url(node["authenticatorData"]) + sha256(client_data).digest()
    numbers.public_key().verify(from_base64url(node["passkeySignature"]), message, ECDSA(SHA256()))


def test_record_that_the_passkey_in_it_has_not_signed_is_found() -> None:
    """Though the log's key has signed the receipt: the issuer cannot make up what a resident's passkey said."""
    given = signed_with(PHONE, said(Status.GIVEN))
    stranger = VirtualPasskey(PHONE.origin, PHONE.relying_party)
    proof = Proof.decode(given.signature)
    for forged, fault in [
        (replace(given, since_ms=given.since_ms + 1), "the passkey answered another challenge"),
        (given.signed(replace(proof, public_key=stranger.public_key).encode()), "the passkey has not signed this"),
        (given.signed(replace(proof, origin="https://other.example").encode()), "the passkey was asked by another site"),
        (given.signed(replace(proof, origin="file:///").encode()), "it is for no site"),
    ]:
        assert check_receipt(receipt_of(forged), verify) == [f"the record is not signed by the passkey in it: {fault}"]


def test_receipt_of_a_record_whose_proof_is_none_is_not_made() -> None:
    """Else the holder would have a receipt that never holds."""
    with pytest.raises(RecordError, match="proof is not cbor"):
        receipt_of(replace(said(Status.GIVEN), channel=PASSKEY))


@pytest.mark.parametrize(
    "change",
    [
        {"hasRecordOfActivity": {}},
        {"hasRecordOfActivity": {"recordBytes": "AAAA"}},
        {"hasRecordOfActivity": {"recordBytes": "not base64url"}},
        {"hasRecordOfActivity": []},
        {"created": "yesterday"},
        {"created": "2026-03-20T23:00:00Z"},
        {"created": 5},
        {"logEntry": {}},
        {"included": {}},
        {"included": [{}]},
        {"labelKey": "?"},
        {"signature": "A"},
        {"signature": ""},
        {"extra": 0.5},
        {"extra": None},
        {"extra": "\ud800"},
    ],
    ids=str,
)
def test_malformed_receipt_is_refused_in_one_line(change: dict[str, Any]) -> None:
    """Whatever is wrong with it, and no matter who signed it."""
    problems = check_receipt({**GIVEN, **change}, verify)
    assert problems
    assert all("\n" not in problem for problem in problems)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda below: st.lists(below) | st.dictionaries(st.text(), below)
    )
)
def test_anything_else_is_no_receipt(value: Any) -> None:
    """Nothing raises, and nothing passes."""
    assert check_receipt(value if isinstance(value, dict) else {"@type": value}, verify)


# --- Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": 1.0}',
        b'{"a": NaN}',
        b'{"a": null}',
        b'{"a": 9007199254740992}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"[]",
        b"\xff",
        b"",
        b" " * (LARGEST_BYTES + 1),
    ],
    ids=range(13),
)
def test_file_that_is_no_receipt_is_refused(data: bytes) -> None:
    """A key twice above all, of which most readers drop one silently."""
    with pytest.raises(RecordError):
        read_receipt(data)


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """Its example of the order of keys (section 3.2.3), and of what is escaped (3.2.2.2)."""
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical_json(keys))) == ordered
    text = '\u20ac$\x0f\nA\'B"\\"/\x7f'
    assert canonical_json([text, True, -5]) == '["\u20ac$\\u000f\\nA\'B\\"\\\\\\"/\x7f",true,-5]'.encode()
    with pytest.raises(RecordError):
        canonical_json({1: 2})


@given(st.integers(0, 1 << 53))
def test_times_are_those_of_the_calendar(time_ms: int) -> None:
    """As the standard library has them up to the year 9999, and one 400-year cycle after another beyond."""
    written = date_time(time_ms)
    if time_ms < 253_402_300_800_000:
        expected = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        assert written == f"{expected.zfill(19)}.{time_ms % 1000:03d}Z"
        assert time_of(written) == time_ms
    else:
        assert date_time(time_ms - 146_097 * 86_400_000)[-20:] == written[-20:]


def test_receipt_of_a_far_expiry_is_made_and_of_a_far_issue_is_not() -> None:
    """A record may name any time; the time of issue is the gateway's clock."""
    far = signed(replace(said(Status.GIVEN), expiry_ms=1 << 53))
    assert check_receipt(receipt_of(far), verify) == []
    with pytest.raises(RecordError):
        receipt_of(far, issue=Issue(1 << 53))


@given(st.floats(0, 1e6, exclude_min=True))
def test_decimals_have_no_exponent_and_lose_nothing(number: float) -> None:
    """Which `xsd:decimal` demands."""
    assert "e" not in decimal(number)
    assert float(decimal(number)) == number < inf


def test_mutated_receipts_say_the_same_or_have_a_fault_in_a_line() -> None:
    """Cut, spliced, repeated, in the file and in the record's bytes: nobody's signature covers anything but what was issued."""
    whole = {write_receipt(receipt): receipt for receipt in CASES.values()}
    issued = {canonical_json(receipt) for receipt in CASES.values()}
    passed = 0
    for _, data in mutated(list(whole), wanted(1200), 6):
        try:
            receipt = read_receipt(data)
        except RecordError:
            continue
        faults = check_receipt(receipt, verify)
        passed += not faults
        assert faults or canonical_json(receipt) in issued
        assert all(line.splitlines() == [line] for line in faults)
    assert passed, "spaces may come and go"


def test_mutated_records_under_a_signed_receipt_have_a_fault_in_a_line() -> None:
    """An issuer who signs a receipt over a damaged record vouches for nothing: the record's own signature is looked at."""
    given = said(Status.GIVEN)
    for _, data in mutated([encode(given)], wanted(500), 7):
        receipt = deepcopy(GIVEN)
        record(receipt)["recordBytes"] = base64url(data)
        faults = check_receipt(resigned(receipt), verify)
        assert faults
        assert all(line.splitlines() == [line] for line in faults)
