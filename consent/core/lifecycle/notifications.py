"""What a subject is told by the gateway itself, in the languages that the screens speak.

Nobody's consent changes without the subject hearing of it: a message is kept with the subject, `sluice subject show` prints
it, and so does whatever screen the residents use. A message names scopes and never a reading.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from consent.texts.load import sentences


class MessageKind(StrEnum):
    """What has happened; its sentence in each language stands under its value."""

    RESIDENT_JOINED = "resident-joined"
    RESIDENT_LEFT = "resident-left"
    CODE_MADE = "code-made"
    CODES_REPLACED = "codes-replaced"
    DEVICE_JOINED = "device-joined"
    ASKED = "asked"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REVOKED = "revoked"
    RESTORED = "restored"


_SENTENCES: Final = sentences("notification")


def text_of(kind: MessageKind, scope: str, language: str) -> str:
    """Return a message in one of ``LANGUAGES``."""
    return _SENTENCES[language][kind].format(scope=scope)
