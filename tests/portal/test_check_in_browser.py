"""The check that a visitor's own browser does, in Chromium: agrees with the auditor's, and names what is wrong with a log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import signature_lines
from gateway.audit.log.handover import KEYS_NAME, Handover
from gateway.audit.log.notes import Signer, Verifier, open_note, sign_note
from gateway.audit.log.reader import LogReader
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.report import StepStatus
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from tests.support.browser import HANG_MS, chromium
from tests.support.handed_over import SECOND, STRANGER, THIRD, HandedOver
from tests.support.log import ORIGIN, SIGNER, SampleLog
from tests.support.logs import COSIGNED_S, COSIGNERS, LARGE, LOGS, cosign, grow, grown, policy_text
from tests.support.served import served

HOLDS, FAILS, OPEN = "holds", "fails", "open"
STEPS = ("signature", "witnesses", "tree", "growth")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium; whoever visits is somebody else each time."""
    with chromium("--host-resolver-rules=MAP plain.test 127.0.0.1") as one:
        yield one


@dataclass(frozen=True)
class Checked:
    """What the browser says.

    Attributes:
        states: Of each step.
        said: Of each step, in words.
    """

    heading: str
    verdict: str
    states: dict[str, str]
    said: dict[str, str]


class Visitor:
    """Somebody with a browser that keeps what it saw."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_context(locale="en-GB", service_workers="block").new_page()
        self.page.set_default_timeout(HANG_MS)
        self.page.on("pageerror", lambda error: pytest.fail(str(error)))

    def check(self, address: str) -> Checked:
        """Open a page, and wait for the verdict."""
        self.page.goto(address)
        self.page.wait_for_selector("#browser[data-state]")
        return self.read()

    def read(self) -> Checked:
        """Return what the page says."""
        page = self.page
        steps = {step: page.locator(f"#step-{step}") for step in STEPS}
        assert all(found.locator(".took").inner_text().strip() for found in steps.values()), "each step says how long it took"
        return Checked(
            page.locator("#verdict").inner_text(),
            page.locator("#browser").get_attribute("data-state") or "",
            {step: found.get_attribute("data-state") or "" for step, found in steps.items()},
            {step: found.locator(".said").inner_text() for step, found in steps.items()},
        )


def describe(log: SampleLog, *, names_witnesses: bool) -> SampleLog:
    """Write key and description, as the gateway does."""
    log.log.write_vkey(SIGNER.vkey())
    named = COSIGNERS if names_witnesses else ()
    witnesses = [{"name": one.name, "vkey": one.vkey(), "url": None} for one in named]
    log.log.write_description(json.dumps({"format": "sluice-log/1", "witnesses": witnesses}).encode())
    return log


def audited(folder: Path, *, names_witnesses: bool = False, since: bytes | None = None) -> dict[str, str]:
    """Return what `sluice audit verify` finds in the steps that the browser does."""
    verifier = Verifier.parse(SIGNER.vkey())
    policy = parse_policy(policy_text("any", vkey=SIGNER.vkey()).encode(), "policy") if names_witnesses else None
    anchors = Anchors(verifier, policy=policy) if policy else Anchors(verifier)
    saved = None if since is None else SavedCheckpoint(Checkpoint.parse(open_note(since, [verifier]).text), checked=False)
    steps = Verification(LogReader(folder), anchors, since=saved).run().steps
    words = {StepStatus.PASSED: HOLDS, StepStatus.FAILED: FAILS, StepStatus.UNCHECKED: OPEN}
    signature, tiles, entries, witnesses, growth = (words[steps[n].status] for n in (0, 1, 2, 7, 8))
    tree = FAILS if FAILS in (tiles, entries) else OPEN if OPEN in (tiles, entries) else HOLDS
    return {"signature": signature, "witnesses": witnesses, "tree": tree, "growth": growth}


def _cosigned(size: int) -> Callable[[Path], SampleLog]:
    def made(folder: Path) -> SampleLog:
        log = grown(folder, size, (size // 2,))
        cosign(log)
        return log

    return made


TEN = {**LOGS, "cosigned 600": _cosigned(600), "66000": LARGE["66000"]}


@pytest.mark.parametrize("name", TEN)
def test_browser_agrees_with_the_auditor(name: str, browser: Browser, tmp_path: Path) -> None:
    """On logs of ten sizes, with witnesses and without, at the first visit and at the next."""
    assert len(TEN) == 10
    names_witnesses = "cosigned" in name
    log = describe(TEN[name](tmp_path), names_witnesses=names_witnesses)
    note = (log.log.path / "checkpoint").read_bytes()
    visitor = Visitor(browser)
    with served(log.log.path) as portal:
        first = visitor.check(f"{portal.address}/check")
        assert first.states == audited(log.log.path, names_witnesses=names_witnesses), first.said
        again = visitor.check(f"{portal.address}/check")
        assert again.states == audited(log.log.path, names_witnesses=names_witnesses, since=note), again.said
    assert (first.verdict, again.verdict) == ("yes", "yes")
    assert "Your browser has checked: yes, in " in again.heading
    assert f"{log.writer.size:,}" in again.said["tree"]
    assert SIGNER.vkey()[-8:] in again.said["signature"]
    if names_witnesses:
        assert all(one.name in again.said["witnesses"] for one in COSIGNERS)


def test_growth_is_compared_with_what_was_seen_last(browser: Browser, tmp_path: Path) -> None:
    """From every size to a larger one, by the page of the whole and by that of one number alike."""
    log = describe(grown(tmp_path, 1), names_witnesses=False)
    whole, one = Visitor(browser), Visitor(browser)
    with served(log.log.path) as portal:
        seen: list[bytes] = []
        for size in (1, 2, 200, 256, 300, 512, 513, 700, 1025):
            grow(log, size)
            portal.look()
            checked = whole.check(f"{portal.address}/check")
            assert (checked.verdict, checked.states["tree"]) == ("yes", HOLDS), checked.said
            found = one.check(f"{portal.address}/check/{size // 2}")
            assert (found.verdict, found.states["tree"]) == ("yes", HOLDS), found.said
            if seen:
                assert audited(log.log.path, since=seen[-1])["growth"] == HOLDS
                assert (checked.states["growth"], found.states["growth"]) == (HOLDS, HOLDS)
            seen.append((log.log.path / "checkpoint").read_bytes())


# what is wrong is caught, and named


def flip(file: Path, at: int = 0) -> None:
    """Change one bit of a file."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def lengthen(file: Path) -> None:
    """Put something behind the end of a file, which looks like one more hash, or like empty entries."""
    file.write_bytes(file.read_bytes() + bytes(32))


@dataclass(frozen=True)
class Attack:
    """What somebody does to a log of 600 entries, which witnesses have cosigned and a visitor has seen.

    Attributes:
        step: That must fail.
        names: What it must say.
    """

    do: Callable[[SampleLog], object]
    step: str
    names: str


def _sign(log: SampleLog, signer: Signer, checkpoint: Checkpoint) -> None:
    (log.log.path / "checkpoint").write_bytes(sign_note(checkpoint.text(), signer))


def _spoil_line(log: SampleLog, line: int) -> None:
    file = log.log.path / "checkpoint"
    lines = file.read_text().split("\n")
    who, encoded = lines[line].rsplit(" ", 1)
    lines[line] = f"{who} {encoded[:-9]}{'A' if encoded[-9] != 'A' else 'B'}{encoded[-8:]}"
    file.write_text("\n".join(lines))


def _replace(log: SampleLog, other: SampleLog) -> None:
    shutil.rmtree(log.log.path)
    shutil.copytree(describe(other, names_witnesses=True).log.path, log.log.path)


def _roll_back(log: SampleLog) -> None:
    _replace(log, grown(log.log.path.parent / "older", 599))


def _fork(log: SampleLog, size: int) -> None:
    other = SampleLog(log.log.path.parent / "other")
    grow(other, 300)
    grow(other, size, b"\x01" * 32)
    _replace(log, other)


def _wrong_cosignature(log: SampleLog) -> None:
    file = log.log.path / "checkpoint"
    text = log.writer.checkpoint().text()
    file.write_bytes(sign_note(text, SIGNER) + signature_lines([COSIGNERS[1].cosign("else\n", COSIGNED_S)]))


ATTACKS = {
    "tile at the bottom": Attack(lambda log: flip(log.log.path / "tile/0/001", 40), "tree", "tile/0/001"),
    "tile at the top": Attack(lambda log: flip(log.log.path / "tile/1/000.p/2", 40), "tree", "tile/1/000.p/2"),
    "last tile": Attack(lambda log: flip(log.log.path / "tile/0/002.p/88", 40), "tree", "tile/0/002.p/88"),
    "tile too long": Attack(lambda log: lengthen(log.log.path / "tile/0/001"), "tree", "tile/0/001"),
    "partial tile too long": Attack(lambda log: lengthen(log.log.path / "tile/0/002.p/88"), "tree", "tile/0/002.p/88"),
    "entries too many": Attack(lambda log: lengthen(log.log.path / "tile/entries/001"), "tree", "tile/entries/001"),
    "entry": Attack(lambda log: flip(log.log.path / "tile/entries/001", 5), "tree", "Number 256 was changed"),
    "last entry": Attack(lambda log: flip(log.log.path / "tile/entries/002.p/88", -1), "tree", "Number 599 was changed"),
    "length of an entry": Attack(lambda log: flip(log.log.path / "tile/entries/000", 1), "tree", "tile/entries/000"),
    "missing tile": Attack(lambda log: (log.log.path / "tile/0/000").unlink(), "tree", "tile/0/000"),
    "missing entries": Attack(lambda log: (log.log.path / "tile/entries/001").unlink(), "tree", "tile/entries/001"),
    "signature": Attack(lambda log: _spoil_line(log, 4), "signature", "signature is missing or wrong"),
    "signature taken off": Attack(
        lambda log: _sign(log, Signer("another.example/log", bytes(32)), log.writer.checkpoint()), "signature", "signature"
    ),
    "another's checkpoint": Attack(
        lambda log: _sign(log, Signer(ORIGIN, bytes(32)), log.writer.checkpoint()), "signature", "signature is missing or wrong"
    ),
    "another log of the same key": Attack(
        lambda log: _sign(log, SIGNER, replace(log.writer.checkpoint(), origin="other.example/log")), "signature", "signature"
    ),
    "no checkpoint": Attack(lambda log: (log.log.path / "checkpoint").write_bytes(b"no note\n"), "signature", "cannot be read"),
    "cosignature": Attack(lambda log: _spoil_line(log, 5), "witnesses", COSIGNERS[0].name),
    "cosignature of something else": Attack(_wrong_cosignature, "witnesses", COSIGNERS[1].name),
    "root": Attack(lambda log: _sign(log, SIGNER, Checkpoint(ORIGIN, 600, bytes(32))), "tree", "do not lead to the one"),
    "rolled back": Attack(_roll_back, "growth", "there were 600; now there are 599"),
    "fork of the same size": Attack(lambda log: _fork(log, 600), "growth", "The first 600 are not those"),
    "fork that has grown": Attack(lambda log: _fork(log, 900), "growth", "The first 600 are not those"),
}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """A log of 600 entries, cosigned."""
    log = describe(grown(tmp_path_factory.mktemp("victim"), 600, (300,)), names_witnesses=True)
    cosign(log)
    return log


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_caught_and_named(name: str, victim: SampleLog, browser: Browser, tmp_path: Path) -> None:
    """By the browser as by the auditor who kept the checkpoint of before; and it does not replace what was seen."""
    attack = ATTACKS[name]
    shutil.copytree(victim.log.path, tmp_path / "log")
    log = SampleLog(tmp_path)
    log.writer, log.chain, log.published = victim.writer, victim.chain, victim.published
    note = (log.log.path / "checkpoint").read_bytes()
    visitor = Visitor(browser)
    with served(log.log.path) as portal:
        assert visitor.check(f"{portal.address}/check").verdict == "yes"
        attack.do(log)
        found = visitor.check(f"{portal.address}/check")
        assert found.verdict == "no"
        assert "Your browser has checked: no." in found.heading
        assert found.states[attack.step] == FAILS, found.said
        assert attack.names in found.said[attack.step]
        theirs = audited(log.log.path, names_witnesses=True, since=note)
        if attack.step in ("tree", "growth"):
            assert theirs[attack.step] == FAILS
        else:  # to the auditor a wrong signature of a known key is a wrong checkpoint, whoever's it is
            assert theirs["signature"] == FAILS
        assert FAILS not in {state for step, state in found.states.items() if step != attack.step}
        shutil.rmtree(log.log.path)
        shutil.copytree(victim.log.path, log.log.path)
        after = visitor.check(f"{portal.address}/check")
        assert (after.verdict, after.states["growth"]) == ("yes", HOLDS)


@pytest.mark.parametrize(
    ("number", "spoiled"), [(300, "tile/entries/001"), (300, "tile/0/001"), (10, "tile/1/000.p/2"), (599, "tile/0/002.p/88")]
)
def test_page_of_a_number_checks_that_number(
    number: int, spoiled: str, victim: SampleLog, browser: Browser, tmp_path: Path
) -> None:
    """By files that lead from it to what was signed, and no others."""
    shutil.copytree(victim.log.path, tmp_path / "log")
    visitor = Visitor(browser)
    with served(tmp_path / "log") as portal:
        assert visitor.check(f"{portal.address}/check/{number}").states["tree"] == HOLDS
        flip(tmp_path / "log" / spoiled, 40)
        found = Visitor(browser).check(f"{portal.address}/check/{number}")
        # a hash beside the way up is only seen to be wrong by the whole's
        assert (found.verdict, found.states["tree"]) == ("no", FAILS)
        assert spoiled in found.said["tree"] or "do not lead to the one" in found.said["tree"]


def test_another_key_than_last_time_is_named(browser: Browser, tmp_path: Path) -> None:
    """A log that is all at once somebody else's, whose own signatures fit, page and all."""
    log = describe(grown(tmp_path, 5), names_witnesses=False)
    visitor = Visitor(browser)
    with served(log.log.path) as portal:
        assert visitor.check(f"{portal.address}/check").verdict == "yes"
        other = Signer(ORIGIN, bytes(32))
        log.log.write_vkey(other.vkey())
        _sign(log, other, log.writer.checkpoint())
        visitor.page.route("**/check", lambda route: _exchange(route, SIGNER.vkey(), other.vkey()))
        found = visitor.check(f"{portal.address}/check")
    assert (found.verdict, found.states["signature"]) == ("no", FAILS)
    assert "another key than at your last visit" in found.said["signature"]


def test_key_is_followed_over_its_handovers(browser: Browser, tmp_path: Path) -> None:
    """From the key of the last visit to the present one, if each handover is signed by both; any other way is another key."""
    log = HandedOver(tmp_path)
    describe(log.log, names_witnesses=False)
    log.publish(SIGNER)
    visitor, wronged = Visitor(browser), Visitor(browser)
    with served(log.log.log.path) as portal:
        assert [one.check(f"{portal.address}/check").verdict for one in (visitor, wronged)] == ["yes", "yes"]
        for old, new in ((SIGNER, SECOND), (SECOND, THIRD)):
            log.hand_over(old, new)
            log.log.account()
        log.publish(THIRD)
        log.log.log.write_vkey(THIRD.vkey())
        portal.look()
        whole = (log.log.log.path / KEYS_NAME).read_text()
        other = Handover.make(log.handovers[1].index, STRANGER, THIRD).note.decode().replace(STRANGER.vkey(), SECOND.vkey())
        first = log.handovers[0].note.decode()
        unsigned = f"{whole[:-9]}AAAAAAA=\n"
        for keys in ("", first, f"{first}\n{other}", whole.replace("key-handover/v1", "key-handover/v2"), unsigned):
            wronged.page.route("**/log.keys", _answering(keys))
            found = wronged.check(f"{portal.address}/check")
            assert (found.verdict, found.states["signature"]) == ("no", FAILS), keys
            assert "another key than at your last visit" in found.said["signature"]
        for said in ("has handed the record over to it", "Compare it with the one printed"):
            found = visitor.check(f"{portal.address}/check")
            assert (found.verdict, found.states["growth"]) == ("yes", HOLDS), found.said
            assert said in found.said["signature"]


def _answering(text: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(body=text)


def _exchange(route: Route, old: str, new: str) -> None:
    """Answer with the page, some text in it exchanged."""
    answer = route.fetch()
    assert old in answer.text()
    route.fulfill(response=answer, body=answer.text().replace(old, new))


def test_page_without_https_says_so_and_names_the_program(victim: SampleLog, browser: Browser) -> None:
    """The sums are done all the same; of signatures it can say nothing, and it does not say yes."""
    visitor = Visitor(browser)
    with served(victim.log.path) as portal:
        found = visitor.check(portal.address.replace("127.0.0.1", "plain.test") + "/check")
    assert found.states == {"signature": OPEN, "witnesses": OPEN, "tree": HOLDS, "growth": OPEN}
    assert found.verdict == "open"
    assert "verify.py" in found.said["signature"]


def test_unreachable_files_are_no_finding(victim: SampleLog, browser: Browser) -> None:
    """Nobody has said anything false by that."""
    visitor = Visitor(browser)
    with served(victim.log.path) as portal:
        visitor.page.route("**/log/tile/**", lambda route: route.abort())
        found = visitor.check(f"{portal.address}/check")
    assert found.states["tree"] == OPEN
    assert found.verdict == "open"


def test_check_again_checks_again(victim: SampleLog, browser: Browser, tmp_path: Path) -> None:
    """With the button, without loading the page anew."""
    shutil.copytree(victim.log.path, tmp_path / "log")
    visitor = Visitor(browser)
    with served(tmp_path / "log") as portal:
        assert visitor.check(f"{portal.address}/check").verdict == "yes"
        flip(tmp_path / "log/tile/entries/001", 5)
        visitor.page.click("#again")
        visitor.page.wait_for_selector("#browser[data-state=no]")
        assert visitor.read().states["tree"] == FAILS


@pytest.mark.parametrize(
    ("language", "says"), [("es", "Su navegador lo ha comprobado: sí"), ("pt", "O seu navegador verificou: sim")]
)
def test_script_speaks_the_language_of_the_page(language: str, says: str, victim: SampleLog, browser: Browser) -> None:
    """And writes numbers as it does."""
    visitor = Visitor(browser)
    with served(victim.log.path) as portal:
        found = visitor.check(f"{portal.address}/check?lang={language}")
    assert says in found.heading
