"""What the gateway notifies a subject of, in the languages of the screens.

Nobody's consent changes without the subject being notified: a message is kept with the subject, and `sluice subject show` and
every screen of the residents show it. A message names scopes, by their titles, and never a reading.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from consent.texts.load import sentences


class MessageKind(StrEnum):
    """What has happened; its value is the key of its sentence in each language."""

    RESIDENT_JOINED = "resident-joined"
    RESIDENT_LEFT = "resident-left"
    CODE_MADE = "code-made"
    CODES_REPLACED = "codes-replaced"
    DEVICE_JOINED = "device-joined"
    CAME_IN = "came-in"
    CAME_IN_COUNTER = "came-in-counter"
    INVITED = "invited"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_ENDED = "passkey-ended"
    RECOVERED = "recovered"
    PAPER_REPLACED = "paper-replaced"
    ASKED = "asked"
    EXPIRES_SOON = "expires-soon"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REVOKED = "revoked"
    RESTORED = "restored"


_SENTENCES: Final = sentences("notification")


def text_of(kind: MessageKind, title: str, language: str) -> str:
    """Return a message in one of ``LANGUAGES``; ``title`` is that of the scope in this language."""
    return _SENTENCES[language][kind].format(scope=title)
