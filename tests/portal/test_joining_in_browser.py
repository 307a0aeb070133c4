"""Coming in, as a browser does it: what the scripts fill in and say, with a phone's passkeys, without any, and without script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from consent.citizen_messages import CodeConfirmed, CodeLooked, SessionOpened, SignIn, SignInChallenge
from consent.core.passkeys.assertion import SignedChallenge, check_assertion
from consent.core.passkeys.registration import NewPasskey, check_registration
from consent.core.passkeys.relying_party import RelyingParty
from consent.messages import Hex, Parameters
from consent.texts.portal import page_sentences
from gateway.edge.system_clock import real_ms
from tests.support.authenticator import authenticator_of
from tests.support.portal import SaidGate, SaidHome, said_state
from tests.support.read_pages import record
from tests.support.served import served
from tests.support.watched import PHONE, Watched, hindrances, watched, wider_than_its_window

pytestmark = pytest.mark.slow

CODE = "7K3M-QX2P-9RTA"
PAPER = "K7QM-4T2X-9RHD-0B5Z"
CHALLENGE, HANDLE = Hex(bytes(range(32))), Hex(b"\x07" * 16)
LOOKED = CodeLooked(
    brings="household",
    profile="meter",
    zone="north-quay",
    residents=0,
    challenge=CHALLENGE,
    user_handle=HANDLE,
    relying_party="localhost",
    paper_code=PAPER,
)
SAID = page_sentences("passkey")["en"]


@contextmanager
def tab_at(folder: Path, browser: Browser, home: SaidHome, **settings: Any) -> Iterator[Watched]:
    """Open a tab of a portal at `localhost`, for which a browser makes passkeys without TLS."""
    with served(folder, SaidGate(said_state()), record(), home) as portal:
        origin = portal.address.replace("127.0.0.1", "localhost")
        with watched(browser, origin, PHONE, locale="en", **settings) as tab:
            yield tab


def door(**says: object) -> SaidHome:
    """Return a door that lets anybody in, for an hour of the browser's own time."""
    opened = SessionOpened(token="ab" * 32, kind="passkey", ends_ms=real_ms() + 3_600_000)
    usual: dict[str, object] = {
        "claim.look": LOOKED,
        "claim.confirm": opened,
        "session.challenge": SignInChallenge(challenge=CHALLENGE, relying_party="localhost"),
        "session.open": opened,
    }
    return SaidHome({**usual, **says})


def said_last(home: SaidHome, method: str) -> Parameters:
    """Return with what a method was asked last."""
    return [params for asked, params, *_ in home.asked if asked == method][-1]


def look(tab: Watched) -> None:
    """Open the address of a letter, and have its code looked at."""
    tab.open(f"/claim#{CODE}")
    tab.page.get_by_role("button", name="See what it does").click()
    tab.page.get_by_text(PAPER).wait_for()


def test_code_behind_the_hash_is_filled_in_and_never_in_an_address(tmp_path: Path, browser: Browser) -> None:
    """No server has it before the person sends it, in the body of a form; and it does not stay in the browser's history."""
    with tab_at(tmp_path, browser, door()) as tab:
        addresses: list[str] = []
        tab.page.on("request", lambda request: addresses.append(request.url))
        tab.open(f"/claim#{CODE}")
        tab.page.wait_for_function("document.querySelector('#code').value")
        assert tab.page.get_by_label("The code").input_value() == CODE
        assert tab.page.url == f"{tab.origin}/claim"
        tab.page.get_by_role("button", name="See what it does").click()
        tab.page.get_by_text(PAPER).wait_for()
        assert addresses
        assert not [address for address in addresses if CODE.lower() in address.lower()]
        assert tab.take_complaints() == []


def test_phone_makes_a_passkey_and_comes_in_with_it_again(tmp_path: Path, browser: Browser) -> None:
    """What the browser sends is what our own check takes, of the registration and of the answer."""
    home = door()
    with tab_at(tmp_path, browser, home) as tab:
        site = RelyingParty(tab.origin, "localhost")
        phone = authenticator_of(tab.page)
        look(tab)
        assert hindrances(tab.page) == []
        assert wider_than_its_window(tab.page) == []
        tab.page.get_by_role("button", name="Make a passkey and come in").click()
        tab.page.wait_for_url("**/my")
        assert phone.passkeys() == 1
        made = _made(said_last(home, "claim.confirm"), site)
        tab.open("/in")
        assert hindrances(tab.page) == []
        tab.page.get_by_role("button", name="Come in with a passkey").click()
        tab.page.wait_for_url("**/my")
        asked = said_last(home, "session.open")
        assert isinstance(asked, SignIn)
        said = asked.assertion
        assert said.credential == made.credential
        signed = SignedChallenge(said.client_data, said.authenticator_data, said.signature)
        check_assertion(signed, CHALLENGE, made.public_key, site)


def _made(used: Parameters, site: RelyingParty) -> NewPasskey:
    assert isinstance(used, CodeConfirmed)
    assert used.registration
    return check_registration(used.registration.client_data, used.registration.attestation, CHALLENGE, site)


def test_whoever_has_no_passkey_is_told_in_the_page_and_can_try_again(tmp_path: Path, browser: Browser) -> None:
    """No window pops up; nothing was sent; the paper code is still offered."""
    home = door()
    with tab_at(tmp_path, browser, home) as tab:
        authenticator_of(tab.page)
        tab.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        tab.open("/in")
        for _ in range(2):
            tab.page.get_by_role("button", name="Come in with a passkey").click()
            tab.page.get_by_text(SAID["cancelled"]).wait_for()
        assert tab.page.get_by_role("alert").count() == 1
        assert "session.open" not in [method for method, *_ in home.asked]
        assert tab.page.get_by_role("link", name="Type the paper code").is_visible()


def test_browser_that_knows_no_passkeys_is_told_so_and_shows_no_button(tmp_path: Path, browser: Browser) -> None:
    """It could not work; without a passkey one comes in all the same."""
    home = door()
    with tab_at(tmp_path, browser, home) as tab:
        tab.page.add_init_script("delete window.PublicKeyCredential")
        look(tab)
        assert tab.page.get_by_text(SAID["missing"]).is_visible()
        assert not tab.page.get_by_role("button", name="Make a passkey and come in").is_visible()
        tab.page.get_by_role("button", name="Come in with the paper code alone").click()
        tab.page.wait_for_url("**/my")
        assert not getattr(said_last(home, "claim.confirm"), "registration", None)


def test_without_script_the_code_is_typed_and_the_paper_code_lets_in(tmp_path: Path, browser: Browser) -> None:
    """The page says what takes a script; no button stands there that does nothing."""
    home = door()
    with tab_at(tmp_path, browser, home, java_script_enabled=False) as tab:
        tab.open("/claim")
        tab.page.get_by_label("The code").fill(CODE.lower())
        tab.page.get_by_role("button", name="See what it does").click()
        tab.page.get_by_text(PAPER).wait_for()
        assert tab.page.get_by_text(SAID["script"]).is_visible()
        assert [
            name
            for name in ("Make a passkey and come in", "Print this page")
            if tab.page.get_by_role("button", name=name).is_visible()
        ] == []
        tab.page.get_by_role("button", name="Come in with the paper code alone").click()
        tab.page.wait_for_url("**/my")


def test_paper_code_is_printed_on_one_sheet(tmp_path: Path, browser: Browser) -> None:
    """The code and what it can do, and nothing to press."""
    with tab_at(tmp_path, browser, door()) as tab:
        look(tab)
        sheets = re.findall(rb"/Type ?/Page\b", tab.page.pdf(format="A4"))
        assert len(sheets) == 1
        tab.page.emulate_media(media="print")
        assert tab.page.get_by_text(PAPER).is_visible()
        assert not any(button.is_visible() for button in tab.page.get_by_role("button").all())
