"""A virtual authenticator in Chromium: a phone that makes passkeys and answers with them, as the DevTools protocol offers one.

Source: Chrome DevTools Protocol, domain `WebAuthn`.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page


@dataclass(frozen=True)
class Authenticator:
    """A phone's authenticator, in one tab."""

    session: CDPSession
    id: str

    def passkeys(self) -> int:
        """Return how many passkeys it holds."""
        return len(self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def lose(self) -> None:
        """Lose the phone, with all its passkeys."""
        self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})

    def recognises_its_owner(self, whether: bool) -> None:
        """Have it verify the person, or not, from now on."""
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": whether})


def authenticator_of(page: Page) -> Authenticator:
    """Put an authenticator into a tab: it holds passkeys, and whoever holds it is verified at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Authenticator(session, made["authenticatorId"])
