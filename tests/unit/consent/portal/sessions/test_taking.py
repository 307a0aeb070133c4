"""Forms as a browser sends them: only our own are taken, once, and what became of them is told truly."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import Mine, Nobody, RequestOutcome, SessionOpened, SessionsEnded, SignInChallenge
from consent.portal.answers import Answer, FilledForm, FormField, NoSuchPage, Page, Route, SeeOther, Who
from consent.portal.app import make_app
from consent.portal.gates.citizen import OutcomeUnknownError, SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.http.compression import LEAST_BYTES
from consent.portal.http.cookies import GUARD, SENT, SESSION
from consent.portal.pages.offline import OfflineView
from consent.portal.routes import ROUTES
from consent.portal.sessions.store import WebSessions
from consent.portal.sessions.tries import OF_ONE_CODE
from consent.portal.site import Site
from consent.portal.visit import SentForm, Visit
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import (
    COOKIE_DOMAIN,
    FROM_HERE,
    HTTPS,
    NOW_MS,
    SESSION_ENDS_MS,
    TOKEN,
    SaidGate,
    SaidHome,
    SaidRecord,
    form_on,
    said_head,
    said_site,
    said_state,
    send_form,
)

POLICIES = load_policies(ROOT / "policies")
OPENED = SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS)
DONE = RequestOutcome(is_done=True, method="consent.less", time_ms=NOW_MS, log_indices=[41])
NOT_DONE = RequestOutcome(is_done=False, method="", time_ms=0, log_indices=[])
CHALLENGE = SignInChallenge(challenge=b"c", relying_party="r")  # type: ignore[arg-type]
WELL: Mapping[str, object] = {"session.end": SessionsEnded(ended=1), "session.challenge": CHALLENGE}
SECRET = "7K3M-QX2P-9RTA"


@dataclass(frozen=True)
class FormShown:
    """A page with a form of two fields."""

    again: SentForm
    kind: str = "not-done"


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with a form."""
    return Page("unknown.html", FormShown(SentForm("", {"word": "", "code": ""}, "", 0)))


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Do what the form's word says: change something, and then perhaps ask or fail."""
    token = "" if visit.signed_in is None else visit.signed_in.token
    word = form["word"]
    if word.startswith("change"):
        await site.citizens.ask("session.end", Mine(), SessionsEnded, session=token, request=form.request)
    if word.endswith("ask"):
        await site.citizens.ask("session.challenge", Nobody(), SignInChallenge)
    if word.endswith("wrong"):
        return Page("offline.html", OfflineView(), 422)
    if word.endswith("nothing"):
        raise NoSuchPage
    if word.endswith("fault"):
        raise RuntimeError("a fault of the page's")
    return SeeOther(visit.url("/rules"), opens=OPENED if word == "come" else None, closes=word == "go")


FIELDS = (FormField("word", "[a-z]*", longest=16, is_required=True), FormField("code", is_code=True))
STRANGERS, OWN = "/letter", "/my/word"
TESTED = (
    Route(STRANGERS, show, "of anyone", form=take, fields=FIELDS),
    Route(OWN, show, "of a person", who=Who.SIGNED_IN, form=take, fields=FIELDS),
    *ROUTES,
)


def portal(home: SaidHome | None = None, *, is_in: bool = True, a_minute: int = 0, address: str = "") -> TestClient:
    """Return a client of a portal with two more addresses."""
    site = said_site(SaidGate(said_state()), SaidRecord(POLICIES, said_head()), home=home or SaidHome(dict(WELL)))
    config = msgspec.structs.replace(site.config, requests_per_minute=a_minute, address=address)
    sessions = WebSessions(None, lambda: NOW_MS)
    app = make_app(replace(site, config=config), sessions, TESTED)
    made = TestClient(app, HTTPS, raise_server_exceptions=False, follow_redirects=False)
    if is_in:
        made.cookies.set(SESSION, sessions.open(OPENED), domain=COOKIE_DOMAIN)
    return made


def filled(client: TestClient, path: str = OWN, **values: str) -> dict[str, str]:
    """Return the fields of a page's form, filled in."""
    return {**form_on(client.get(path).text)[1], **values}


def test_something_else_under_an_id_that_was_used_is_refused_and_never_said_to_be_done() -> None:
    """From a page that the browser shows again as it was; the same again is answered alike."""
    home = SaidHome(dict(WELL))
    client = portal(home)
    sent = filled(client, word="change")
    assert client.post(OWN, data=sent, headers=FROM_HERE).headers["location"] == "/rules"
    assert client.post(OWN, data=sent, headers=FROM_HERE).headers["location"] == "/rules"
    asked = len(home.asked)
    answer = client.post(OWN, data={**sent, "word": "changego"}, headers=FROM_HERE)
    assert answer.status_code == 409
    assert len(home.asked) == asked


def test_form_that_was_not_taken_is_filled_in_anew_under_its_id() -> None:
    """As whoever mistypes a code goes back and types it again."""
    client = portal()
    sent = filled(client, word="wrong")
    assert client.post(OWN, data=sent, headers=FROM_HERE).status_code == 422
    assert client.post(OWN, data={**sent, "word": "change"}, headers=FROM_HERE).headers["location"] == "/rules"


# whose form it is


@pytest.mark.parametrize("path", [STRANGERS, OWN])
def test_form_of_our_own_page_is_taken(path: str) -> None:
    """By whoever has come in, and by a visitor whose page set the cookie that guards it."""
    client = portal(is_in=path == OWN)
    answer = send_form(client, path, {"word": "change"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules")
    assert answer.headers["cache-control"] == "no-store"


FOREIGN = {
    "another site": {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    "another host of the city": {"origin": "https://www.testserver", "sec-fetch-site": "same-site"},
    "an old browser on another site": {"origin": "https://evil.example"},
    "another port": {"origin": "https://testserver:8443", "sec-fetch-site": "same-site"},
    "without TLS": {"origin": "http://testserver"},
    "a sandbox": {"origin": "null", "sec-fetch-site": "cross-site"},
    "an old browser in a sandbox": {"origin": "null"},
    "a program": {},
    "a browser that is lied to": {"origin": HTTPS, "sec-fetch-site": "cross-site"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_form_that_another_site_sends_is_not_taken(name: str) -> None:
    """Whatever it holds: nothing is asked of the gate."""
    home = SaidHome(dict(WELL))
    client = portal(home)
    answer = client.post(OWN, data=filled(client, word="change"), headers=FOREIGN[name])
    assert (answer.status_code, home.asked) == (403, [])
    assert "This did not come from our page" in answer.text


def test_form_without_address_is_taken_where_the_browser_says_that_it_is_ours() -> None:
    """Browsers say `null` where a page passes no address on; and the address of the configuration counts as ours."""
    client = portal(address="https://sensors.ribera.example")
    fields = filled(client, word="change")
    for headers in (
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": "https://sensors.ribera.example"},
        {"origin": HTTPS, "sec-fetch-site": "none"},
    ):
        assert client.post(OWN, data=fields, headers=headers).status_code == 303


def test_page_with_a_secret_is_not_compressed() -> None:
    """Beside text that someone else chose, its length would tell the secret (BREACH); a public page is."""
    client = portal()
    headers = {"accept-encoding": "gzip"}
    own, public = client.get(OWN, headers=headers), client.get("/rules", headers=headers)
    assert len(own.content) >= LEAST_BYTES
    assert "content-encoding" not in own.headers
    assert public.headers["content-encoding"] == "gzip"


def test_page_with_a_form_lets_the_browser_say_where_it_comes_from() -> None:
    """With `no-referrer`, which other pages have, `Origin` would be `null`."""
    client = portal()
    assert client.get(OWN).headers["referrer-policy"] == "same-origin"
    assert client.get("/rules").headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", [STRANGERS, OWN])
@pytest.mark.parametrize("token", ["", "0" * 64, "ñ" * 64, None])
def test_form_without_the_token_of_its_visitor_is_not_taken(path: str, token: str | None) -> None:
    """Not even where the browser says that it is ours; that of another visitor is no better than none."""
    home = SaidHome(dict(WELL))
    client = portal(home, is_in=path == OWN)
    other = portal(is_in=path == OWN)
    fields = filled(client, path, word="change")
    answer = client.post(
        path, data={**fields, "form": filled(other, path)["form"] if token is None else token}, headers=FROM_HERE
    )
    assert (answer.status_code, home.asked) == (403, [])


def test_form_opened_before_coming_in_is_still_good_after() -> None:
    """A browser that sends it again is the same one."""
    client = portal(is_in=False)
    fields = filled(client, STRANGERS, word="come")
    assert client.post(STRANGERS, data=fields, headers=FROM_HERE).status_code == 303
    assert client.get(OWN).status_code == 200
    assert client.post(STRANGERS, data=fields, headers=FROM_HERE).status_code == 303


# what it is


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 16_385, {}, 413),
        (b"word=a", {"content-type": "application/json"}, 415),
        (b"word=a", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b"word=a", {"content-type": "text/plain"}, 415),
        (b"word=a", {"content-encoding": "gzip"}, 415),
        (b"word=%ff%fe", {}, 422),
        (b"\xff\xfe", {}, 422),
        (b"&".join(b"a%d=" % n for n in range(65)), {}, 422),
        (b"", {}, 403),
    ],
)
def test_body_that_is_no_form_is_not_taken(body: bytes, headers: dict[str, str], status: int) -> None:
    """It has a length, a form, and a bound."""
    usual = {**FROM_HERE, "content-type": "application/x-www-form-urlencoded"}
    assert portal().post(OWN, content=body, headers={**usual, **headers}).status_code == status


def test_body_without_a_length_is_not_read() -> None:
    """Nobody knows how much would come."""
    headers = {**FROM_HERE, "content-type": "application/x-www-form-urlencoded"}
    assert portal().post(OWN, content=iter([b"word=a"]), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "wrong",
    [{"word": "UPPER"}, {"word": "a" * 17}, {"word": "a\nb"}, {"request": ""}, {"request": "A" * 32}, {"request": "0" * 33}],
)
def test_field_that_cannot_be_is_not_taken(wrong: dict[str, str]) -> None:
    """422, as a page; the handler never sees it."""
    home = SaidHome(dict(WELL))
    client = portal(home)
    answer = client.post(OWN, data={**filled(client, word="change"), **wrong}, headers=FROM_HERE)
    assert (answer.status_code, home.asked) == (422, [])


def test_field_twice_or_absent_is_not_taken() -> None:
    """Which of the two would be meant?"""
    client = portal()
    fields = filled(client, word="change")
    for pairs in ([*fields.items(), ("word", "other")], [pair for pair in fields.items() if pair[0] != "word"]):
        body = "&".join(f"{name}={value}" for name, value in pairs)
        headers = {**FROM_HERE, "content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        assert client.post(OWN, content=body.encode(), headers=headers).status_code == 422


def test_page_comes_again_with_what_is_wrong() -> None:
    """As the handler has it, and still not to be kept."""
    answer = send_form(portal(), OWN, {"word": "wrong"})
    assert (answer.status_code, answer.headers["cache-control"]) == (422, "no-store")


# who sends it


def test_stranger_is_led_to_where_one_comes_in_and_back() -> None:
    """Of a page and of its form; no page of one's own is kept anywhere."""
    client = portal(is_in=False)
    for answer in (client.get(OWN + "?lang=pt"), client.post(OWN + "?lang=pt", data={"word": "a"}, headers=FROM_HERE)):
        assert (answer.status_code, answer.headers["location"]) == (303, "/in?next=%2Fmy%2Fword&lang=pt")
        assert answer.headers["cache-control"] == "no-store"


def test_whoever_comes_in_gets_a_cookie_of_their_own() -> None:
    """For TLS, this host, no script, and as long as the session; a new one each time, whatever was sent before."""
    client = portal(is_in=False)
    client.cookies.set(SESSION, "A" * 43)
    answer = send_form(client, STRANGERS, {"word": "come"})
    found = [header for name, header in answer.headers.multi_items() if name == "set-cookie"]
    assert len(found) == 1
    value = re.fullmatch(rf"{SESSION}=([A-Za-z0-9_-]{{43}}); Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600", found[0])
    assert value is not None
    assert value[1] != "A" * 43, "a cookie that someone else planted becomes no session"
    assert TOKEN not in str(answer.headers)


def test_whoever_goes_is_out() -> None:
    """The cookie is taken away, and good for nothing where it was copied."""
    client = portal()
    copied = client.cookies[SESSION]
    assert send_form(client, OWN, {"word": "go"}).status_code == 303
    assert SESSION not in client.cookies
    client.cookies.set(SESSION, copied, domain=COOKIE_DOMAIN)
    assert client.get(OWN).status_code == 303


@pytest.mark.parametrize("path", [OWN, "/my/sent"])
def test_session_that_the_gate_ended_ends_here(path: str) -> None:
    """Whoever is asked again comes in again, and to the same page."""
    client = portal(SaidHome({"session.end": SessionEndedError(), "request.outcome": SessionEndedError()}))
    client.cookies.set(SENT, "0" * 32)
    answer = send_form(client, path, {"word": "change"}) if path == OWN else client.get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/in")
    assert SESSION not in client.cookies


def test_public_page_sets_no_cookie_and_looks_at_none() -> None:
    """Whoever only reads leaves nothing behind."""
    client = portal()
    assert "set-cookie" not in client.get("/rules").headers
    assert "set-cookie" not in portal(is_in=False).get("/rules").headers
    answer = portal(is_in=False).get(STRANGERS)
    assert re.fullmatch(rf"{GUARD}=[A-Za-z0-9_-]{{43}}; Path=/; Secure; HttpOnly; SameSite=Lax", answer.headers["set-cookie"])


def test_code_can_be_tried_a_few_times() -> None:
    """Of one code from everywhere, whatever is written between its letters; and of all from one place."""
    client = portal(SaidHome(dict(WELL)), is_in=False, a_minute=100_000)
    fields = filled(client, STRANGERS, word="change", code=SECRET)
    tried = [
        client.post(STRANGERS, data={**fields, "code": SECRET.replace("-", " " * (n % 3))}, headers=FROM_HERE) for n in range(9)
    ]
    assert [answer.status_code for answer in tried] == [303] * OF_ONE_CODE[1] + [429]
    assert int(tried[-1].headers["retry-after"]) > 0
    others = [client.post(STRANGERS, data={**fields, "code": f"CODE{n}"}, headers=FROM_HERE).status_code for n in range(20)]
    assert others[0] == 303
    assert others[-1] == 429


# what became of it


def test_gate_away_before_anything_was_sent_says_that_nothing_was_changed() -> None:
    """And the form waits, filled in, under the same id."""
    client = portal(SaidHome({"session.end": GateAwayError()}))
    fields = filled(client, word="change", code="a'\"><b")
    answer = client.post(OWN, data=fields, headers=FROM_HERE)
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text
    address, again = form_on(answer.text)
    assert (address, again) == (OWN, fields)
    assert "<b" not in answer.text.replace("<body", "").replace("<button", "").replace("<b>", "")


UNKNOWN = {
    "no answer": {"word": "change", "says": {"session.end": OutcomeUnknownError()}},
    "away after the change": {"word": "changeask", "says": {**WELL, "session.challenge": GateAwayError()}},
    "refused after the change": {"word": "changeask", "says": {**WELL, "session.challenge": GateRefusedError("no")}},
    "a fault after the change": {"word": "changefault", "says": WELL},
    "nothing there after the change": {"word": "changenothing", "says": WELL},
}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("is_in", [True, False])
def test_page_claims_nothing_once_a_change_was_sent(name: str, is_in: bool) -> None:
    """Neither that it holds nor that nothing was changed, whatever went wrong after."""
    case: Any = UNKNOWN[name]
    client = portal(SaidHome(dict(case["says"])), is_in=is_in)
    fields = filled(client, OWN if is_in else STRANGERS, word=case["word"])
    answer = client.post(OWN if is_in else STRANGERS, data=fields, headers=FROM_HERE)
    assert answer.status_code == 504
    assert "We do not know yet whether it holds" in answer.text
    assert "Nothing was changed" not in answer.text
    if is_in:
        assert answer.headers["refresh"] == "4; url=/my/sent"
        assert (
            f"{SENT}={fields['request']}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=600" in answer.headers["set-cookie"]
        )
    else:
        assert form_on(answer.text) == (STRANGERS, fields)


@pytest.mark.parametrize(
    ("word", "says", "status"),
    [("fault", WELL, 500), ("nothing", WELL, 404), ("change", {"session.end": GateRefusedError("no")}, 409)],
)
def test_page_that_failed_before_anything_was_sent_says_so(word: str, says: Mapping[str, object], status: int) -> None:
    """Nothing was changed, and that is known."""
    answer = send_form(portal(SaidHome(dict(says))), OWN, {"word": word})
    assert answer.status_code == status
    assert "We do not know yet" not in answer.text


def test_unknown_outcome_is_asked_until_it_is_known_and_the_form_can_be_sent_again() -> None:
    """By the same id, without filling anything in."""
    home = SaidHome({"session.end": OutcomeUnknownError()})
    client = portal(home)
    fields = filled(client, word="change", code="typed")
    assert client.post(OWN, data=fields, headers=FROM_HERE).status_code == 504
    answer = client.get("/my/sent")
    assert "We do not know yet" in answer.text
    assert answer.headers["refresh"] == "4; url=/my/sent"
    home.says["request.outcome"] = NOT_DONE
    answer = client.get("/my/sent")
    assert "It was not done" in answer.text
    assert "refresh" not in answer.headers
    assert form_on(answer.text) == (OWN, fields)
    home.says.update(WELL)
    assert client.post(OWN, data=form_on(answer.text)[1], headers=FROM_HERE).status_code == 303
    assert {request for method, _, _, request in home.asked if method == "session.end"} == {fields["request"]}
    assert SENT not in client.cookies


def test_unknown_outcome_that_is_done_leads_to_what_holds() -> None:
    """With the number of its entry, where an answer was given."""
    home = SaidHome({"session.end": OutcomeUnknownError(), "request.outcome": DONE})
    client = portal(home)
    send_form(client, OWN, {"word": "change"})
    answer = client.get("/my/sent")
    assert "It holds" in answer.text
    assert 'href="/my/done/41"' in answer.text
    home.says["request.outcome"] = replace_method(DONE, "passkey.end")
    assert 'href="/my"' in client.get("/my/sent").text


def replace_method(outcome: RequestOutcome, method: str) -> RequestOutcome:
    """Return an outcome of another method."""
    return msgspec.structs.replace(outcome, method=method)


def test_outcome_of_a_form_that_is_forgotten_is_told_all_the_same() -> None:
    """The portal was started again in between: it leads back to where one begins."""
    client = portal(SaidHome({"request.outcome": NOT_DONE}))
    client.cookies.set(SENT, "ab" * 16)
    answer = client.get("/my/sent")
    assert "It was not done" in answer.text
    assert 'href="/my"' in answer.text
    assert client.get("/my/sent", headers={"cookie": ""}).status_code == 303


def test_nothing_of_a_form_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """Not its code, its cookie or its id, not even where a page fails."""
    caplog.set_level(logging.DEBUG)
    client = portal()
    fields = filled(client, word="changefault", code=SECRET)
    client.post(OWN, data=fields, headers=FROM_HERE)
    ours = [line.getMessage() for line in caplog.records if not line.name.startswith(("httpx", "asyncio"))]
    assert ours
    for secret in (SECRET, fields["request"], fields["form"], client.cookies[SESSION], TOKEN):
        assert secret not in "\n".join(ours)


def test_session_form_ends_or_extends() -> None:
    """It ends here even where the gate is away: whoever leaves a shared computer cannot wait."""
    later = SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS + 60_000)
    client = portal(SaidHome({"session.extend": later, "session.end": GateAwayError()}))
    guard = filled(client)
    answer = client.post("/my/session", data={**guard, "act": "extend"}, headers=FROM_HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/my")
    assert "Max-Age=3660" in answer.headers["set-cookie"]
    answer = client.post("/my/session", data={**filled(client), "act": "end"}, headers=FROM_HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/in?done=ended")
    assert SESSION not in client.cookies
    assert client.get("/my/session").status_code == 303


def test_answer_never_leads_to_another_host() -> None:
    """Not even where a page had a fault."""
    for path in ("//evil.example", "/\\evil.example", "https://evil.example"):

        async def away(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm, path: str = path) -> SeeOther:
            return SeeOther(path)

        site = said_site(SaidGate(said_state()), SaidRecord(POLICIES, said_head()))
        app = make_app(site, None, (Route(STRANGERS, show, "of anyone", form=away),))
        client = TestClient(app, HTTPS, raise_server_exceptions=False, follow_redirects=False)
        assert send_form(client, STRANGERS).status_code == 500
