"""What goes with every answer, whatever it is."""

from __future__ import annotations

import pytest

from consent.portal.http.headers import CONTENT_SECURITY_POLICY, STRICT_TRANSPORT, SafeHeaders
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state

ANSWERS = ("/", "/nowhere", "/log/checkpoint", "/register.json", "/static/sluice.css", "/static/nothing", "/.well-known/gpc.json")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_is_safe(path: str, method: str) -> None:
    """Pages, files and errors: nothing inline, nothing from elsewhere, in no frame, no cookie, no address passed on."""
    client = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    headers = client.request(method, path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] in ("same-origin", "cross-origin")
    assert "geolocation=()" in headers["permissions-policy"]
    assert "set-cookie" not in headers
    assert "strict-transport-security" not in headers, "not over plain HTTP"


def test_page_has_nothing_inline() -> None:
    """No style or script that the policy would stop."""
    client = portal_client(
        SaidGate(said_state(simulated=True, rate=60)), SaidRecord(load_policies(ROOT / "policies"), said_head())
    )
    for path in ("/", "/nowhere", "/offline"):
        page = client.get(path).text
        assert "style=" not in page
        assert "<style" not in page
        assert all("src=" in script.partition(">")[0] for script in page.split("<script")[1:])
        assert not [word for word in ("onclick=", "onload=", "javascript:", "http://") if word in page]


async def test_tls_is_promised_where_there_is_tls_and_no_cookie_passes() -> None:
    """An application that sets one does not get it through."""
    said = []

    async def app(scope: object, receive: object, send: object) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]}
        await send(start)  # type: ignore[operator]

    async def send(message: object) -> None:
        said.append(message)

    await SafeHeaders(app)({"type": "http", "scheme": "https"}, None, send)  # type: ignore[arg-type]
    headers = dict(said[0]["headers"])  # type: ignore[index]
    assert headers[b"strict-transport-security"] == STRICT_TRANSPORT.encode()
    assert not [name for name in headers if name == b"set-cookie"]
