"""Policy files: what is understood, what is refused and where, and when a quorum is met."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.checkpoint import CheckpointError
from gateway.audit.log.cosignature import Cosigner, with_signatures
from gateway.audit.log.notes import NoteError, Signer, sign_note
from gateway.audit.log.witness_policy import Policy, PolicyFormatError, parse_policy

_LOG = Signer("log.example/2026", bytes(32))
_OTHER_LOG = Signer("other.example", bytes([1]) * 32)
_NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
_COSIGNERS = {name: Cosigner(f"{name.lower()}.example", bytes([7, i]) * 16) for i, name in enumerate(_NAMES)}
_VKEYS = {name: cosigner.vkey() for name, cosigner in _COSIGNERS.items()}
_TEXT = "log.example/2026\n3\n" + "A" * 43 + "=\n"
_NESTED = f"""\
# two organisations, each with three machines
log {_LOG.vkey()} https://log.example/2026

witness X1 {_VKEYS["X1"]}
witness X2 {_VKEYS["X2"]} https://x2.example/
\twitness   X3\t{_VKEYS["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {_VKEYS["Y1"]}
witness Y2 {_VKEYS["Y2"]}
witness Y3 {_VKEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def _policy(text: str) -> Policy:
    return parse_policy(text.encode(), "trust.policy")


def _cosigned(*names: str, text: str = _TEXT, log: Signer = _LOG) -> bytes:
    return with_signatures(sign_note(text, log), [_COSIGNERS[name].cosign(text, 1000 + i) for i, name in enumerate(names)])


def test_policy_of_the_specification_is_read() -> None:
    """Its example, with keys: names, URLs, and the groups in order."""
    policy = _policy(_NESTED)
    assert [(log.verifier.name, log.url) for log in policy.logs] == [("log.example/2026", "https://log.example/2026")]
    assert [witness.name for witness in policy.witnesses] == list(_NAMES)
    assert [witness.url for witness in policy.witnesses][:2] == [None, "https://x2.example/"]
    assert [(group.name, group.threshold) for group in policy.groups] == [("X-witnesses", 2), ("Y-witnesses", 1), ("X-and-Y", 2)]
    assert policy.quorum == "X-and-Y"


@given(st.sets(st.sampled_from(_NAMES)))
def test_quorum_nested_is_met_as_the_rule_says(cosigned: set[str]) -> None:
    """Two of the one organisation and any of the other; nothing else."""
    met = len(cosigned & {"X1", "X2", "X3"}) >= 2 and bool(cosigned & {"Y1", "Y2", "Y3"})
    assert _policy(_NESTED).is_met_by(cosigned) is met


@given(st.sets(st.sampled_from(_NAMES)), st.sampled_from(_NAMES))
def test_quorum_once_met_stays_met_with_one_more(cosigned: set[str], another: str) -> None:
    """No cosignature ever does harm."""
    policy = _policy(_NESTED)
    assert policy.is_met_by(cosigned | {another}) >= policy.is_met_by(cosigned)


def test_verdict_counts_witnesses_and_says_whether_the_quorum_is_met() -> None:
    """k of n, and the second at which each cosigned."""
    verdict = _policy(_NESTED).satisfied(_cosigned("X1", "X3", "Y2"))
    assert (verdict.met, verdict.cosigned, str(verdict)) == (
        True, {"X1": 1000, "X3": 1001, "Y2": 1002}, "3 of 6 witnesses, quorum met",
    )  # fmt: skip
    assert verdict.log == _LOG.verifier
    assert verdict.checkpoint.size == 3
    assert str(_policy(_NESTED).satisfied(_cosigned("X1", "X2", "X3"))) == "3 of 6 witnesses, quorum not met"


def test_verdict_with_quorum_none_is_met_without_witnesses() -> None:
    """Which the file has to say in so many words."""
    verdict = _policy(f"log {_LOG.vkey()}\nquorum none\n").satisfied(_cosigned())
    assert str(verdict) == "0 of 0 witnesses, quorum met"


def test_verdict_witness_in_its_own_right_may_be_the_quorum() -> None:
    """Without any group."""
    policy = _policy(f"log {_LOG.vkey()}\nwitness X1 {_VKEYS['X1']}\nquorum X1")
    assert policy.satisfied(_cosigned("X1")).met
    assert not policy.satisfied(_cosigned("X2")).met


def test_verdict_key_that_only_names_itself_like_a_witness_does_not_count() -> None:
    """A stranger's key under a witness's name is a stranger."""
    stranger = Cosigner("x1.example", bytes([9]) * 32)
    note = with_signatures(sign_note(_TEXT, _LOG), [stranger.cosign(_TEXT, 5)])
    assert not _policy(_NESTED).satisfied(note).cosigned


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        (_cosigned("X1", "X2", "Y1", log=_OTHER_LOG), "no log of the policy"),
        (_cosigned("X1", text=_TEXT.replace("log.example/2026", "other.example")), "no log of the policy"),
        (_cosigned("X1").replace(b"\n3\n", b"\n4\n"), "is wrong"),
        (b"nothing", "no signature lines"),
    ],
)
def test_note_that_no_log_of_the_policy_signed_is_refused(note: bytes, problem: str) -> None:
    """Another log's, one in another's name, an altered one; however many witnesses."""
    with pytest.raises(NoteError, match=problem):
        _policy(_NESTED).satisfied(note)


def test_note_with_a_wrong_cosignature_is_refused_whole() -> None:
    """A known key's wrong signature makes the note malformed, also beside a quorum."""
    text = _TEXT.replace("3", "4")
    wrong = with_signatures(_cosigned("X1", "X2", "Y1"), [_COSIGNERS["Y2"].cosign(text, 5)])
    with pytest.raises(NoteError, match=r"y2\.example"):
        _policy(_NESTED).satisfied(wrong)


def test_note_that_is_no_checkpoint_is_refused() -> None:
    """Whoever signed it."""
    with pytest.raises(CheckpointError):
        _policy(_NESTED).satisfied(sign_note("log.example/2026\n", _LOG))


def test_policy_without_logs_takes_any_that_witnesses_vouch_for() -> None:
    """Where the log is known from elsewhere."""
    policy = _policy(f"witness X1 {_VKEYS['X1']}\nquorum X1\n")
    verdict = policy.satisfied(_cosigned("X1"))
    assert (verdict.log, verdict.met) == (None, True)
    with pytest.raises(NoteError):
        policy.satisfied(_cosigned())


_X1, _X2 = f"witness X1 {_VKEYS['X1']}\n", f"witness X2 {_VKEYS['X2']}\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "no quorum line"),
        (_X1, 1, "no quorum line"),
        ("quorum X1\n", 1, "`X1` is not defined above"),
        ("quorum none\nquorum none\n", 2, "a second quorum line"),
        ("quorum\n", 1, "not of the form `quorum <name>|none`"),
        ("quorums none\n", 1, "`quorums` is none of log, witness, group, quorum"),
        ("log\n", 1, "not of the form `log <vkey> [<url>]`"),
        ("log a b c\n", 1, "not of the form `log <vkey> [<url>]`"),
        ("log nonsense\n", 1, "`nonsense` is not a key of the form name+id+base64"),
        (f"log {_VKEYS['X1']}\n", 1, "is a key of type `0x04`; a log's, 0x01, is due"),
        (f"witness X1 {_LOG.vkey()}\n", 1, "is a key of type `0x01`; a witness's, 0x04, is due"),
        (f"log {_LOG.vkey()}\n\nlog {_LOG.vkey()}\n", 3, "is there already"),
        (f"log {_LOG.vkey()}\nlog {Signer('renamed', bytes(32)).vkey()}\n", 2, "is there already"),
        (f"{_X1}witness again {_VKEYS['X1']}\n", 2, "is there already"),
        (f"{_X1}witness X1 {_VKEYS['X2']}\n", 2, "`X1` is defined already"),
        (f"{_X1}group X1 any X1\n", 2, "`X1` is defined already"),
        (f"witness none {_VKEYS['X1']}\n", 1, "`none` cannot be defined"),
        (f"witness X1 {_VKEYS['X1']} url more\n", 1, "not of the form `witness <name> <vkey> [<url>]`"),
        (f"{_X1}group g any\n", 2, "not of the form `group <name> all|any|<k> <name>...`"),
        (f"{_X1}group g any none\n", 2, "`none` is not defined above"),
        (f"{_X1}group g any g\n", 2, "`g` is not defined above"),
        (f"{_X1}group g any X2\n{_X2}", 2, "`X2` is not defined above"),
        (f"{_X1}group g any X1 X1\n", 2, "`X1` is a member already"),
        (f"{_X1}{_X2}group g any X1\ngroup h any X1 X2\n", 4, "`X1` is a member already"),
        (f"{_X1}group g 0 X1\n", 2, "`0` is none of all, any, 1 to 1"),
        (f"{_X1}group g 2 X1\n", 2, "`2` is none of all, any, 1 to 1"),
        (f"{_X1}group g 01 X1\n", 2, "`01` is none of all, any, 1 to 1"),
        (f"{_X1}group g +1 X1\n", 2, "`+1` is none of all, any, 1 to 1"),
        (f"{_X1}group g ١ X1\n", 2, "`١` is none of all, any, 1 to 1"),
        ("quorum none\r\n", 1, "control character `0x0d`"),
        ("# \x7f\nquorum none\n", 1, "control character `0x7f`"),
    ],
)  # fmt: skip
def test_policy_malformed_is_refused_naming_file_and_line(text: str, line: int, problem: str) -> None:
    """Each rule of the format."""
    with pytest.raises(PolicyFormatError) as caught:
        _policy(text)
    assert str(caught.value).startswith(f"`trust.policy`: line {line}: ")
    assert problem in str(caught.value)


def test_policy_space_that_is_not_ascii_separates_nothing() -> None:
    """A no-break space is a part of a name like any other octet."""
    policy = _policy(f"witness X\u00a01 {_VKEYS['X1']}\nquorum X\u00a01\n")
    assert policy.quorum == "X\u00a01"


def test_policy_names_are_octets_and_need_not_be_utf8() -> None:
    """Two that differ in bytes differ, also where neither is text; and they can be reported."""
    text = b"witness \xff %b\nwitness \xfe %b\nquorum \xff\n" % (_VKEYS["X1"].encode(), _VKEYS["X2"].encode())
    policy = parse_policy(text, "trust.policy")
    assert policy.is_met_by({policy.witnesses[0].name})
    assert not policy.is_met_by({policy.witnesses[1].name})
    with pytest.raises(PolicyFormatError) as caught:
        parse_policy(b"quorum \xfd\n", "trust.policy")
    assert str(caught.value).encode().isascii()


def test_policy_of_many_nested_groups_is_weighed_without_recursion() -> None:
    """Each group in the next one, ten thousand deep."""
    groups = "".join(f"group g{i} all {f'g{i - 1}' if i else 'X1'}\n" for i in range(10_000))
    policy = _policy(f"{_X1}{groups}quorum g9999\n")
    assert policy.is_met_by({"X1"})
    assert not policy.is_met_by(set())


@given(st.binary(max_size=200))
def test_policy_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    """Never another exception."""
    try:
        parse_policy(data, "trust.policy")
    except PolicyFormatError as error:
        str(error).encode()
