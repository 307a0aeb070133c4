"""What a household is told by the gateway itself, in the languages that the screens speak.

Nobody's consent changes without the household hearing of it: a message is kept with the subject, `sluice subject show` prints
it, and so does whatever screen the residents use. A message names scopes and never a reading.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class MessageKind(StrEnum):
    """What has happened."""

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


TEXTS: Final[dict[MessageKind, dict[str, str]]] = {
    MessageKind.RESIDENT_JOINED: {
        "en": "A new resident has joined. Until they decide, nothing of your household leaves.",
        "es": "Se ha incorporado una nueva persona residente. Hasta que decida, no sale nada de su hogar.",
        "pt": "Entrou uma nova pessoa residente. Até que decida, nada sai da sua casa.",
    },
    MessageKind.RESIDENT_LEFT: {
        "en": "A resident has left. What they said no longer counts, and the key to your releases was replaced.",
        "es": "Una persona residente se ha ido. Lo que dijo ya no cuenta, y la clave de sus envíos se ha cambiado.",
        "pt": "Uma pessoa residente saiu. O que disse já não conta, e a chave dos seus envios foi substituída.",
    },
    MessageKind.CODE_MADE: {
        "en": "The crew made a claim code with which a new resident can join your household.",
        "es": "El equipo técnico ha creado un código con el que una nueva persona puede unirse a su hogar.",
        "pt": "A equipa técnica criou um código com o qual uma nova pessoa pode juntar-se à sua casa.",
    },
    MessageKind.CODES_REPLACED: {
        "en": "The crew made a new claim code for a resident. That resident's earlier codes and credential have ended.",
        "es": "El equipo ha creado un código nuevo para una persona residente. Sus códigos y credencial anteriores ya no valen.",
        "pt": "A equipa criou um código novo para uma pessoa residente. Os códigos e a credencial anteriores deixaram de valer.",
    },
    MessageKind.DEVICE_JOINED: {
        "en": "A device has joined your household. Your answers count for its readings from now on.",
        "es": "Un dispositivo se ha unido a su hogar. Sus respuestas valen para sus lecturas desde ahora.",
        "pt": "Um dispositivo juntou-se à sua casa. As suas respostas valem para as leituras dele a partir de agora.",
    },
    MessageKind.ASKED: {
        "en": "You are asked for your consent to “{scope}”. Nothing leaves unless you say yes.",
        "es": "Se le pide su consentimiento para «{scope}». No sale nada si no dice que sí.",
        "pt": "Pedimos o seu consentimento para «{scope}». Nada sai se não disser que sim.",
    },
    MessageKind.EXPIRED: {
        "en": "Your consent to “{scope}” has run out. Nothing more leaves unless you renew it.",
        "es": "Su consentimiento para «{scope}» ha caducado. No sale nada más si no lo renueva.",
        "pt": "O seu consentimento para «{scope}» terminou. Nada mais sai se não o renovar.",
    },
    MessageKind.INVALIDATED: {
        "en": "What “{scope}” asks has changed, so your consent to it has ended. Nothing more leaves unless you agree anew.",
        "es": "Lo que pide «{scope}» ha cambiado, así que su consentimiento ha terminado. No sale más si no acepta de nuevo.",
        "pt": "O que «{scope}» pede mudou, por isso o seu consentimento terminou. Nada mais sai se não concordar de novo.",
    },
    MessageKind.REVOKED: {
        "en": "Your consent to “{scope}” was ended by an authority; its name stands in the record.",
        "es": "Una autoridad ha puesto fin a su consentimiento para «{scope}»; su nombre consta en el registro.",
        "pt": "Uma autoridade pôs fim ao seu consentimento para «{scope}»; o nome dela consta no registo.",
    },
    MessageKind.RESTORED: {
        "en": "The gateway was restored from an older copy and cannot know what you said since, so your consent to “{scope}” has"
        " ended. Nothing more leaves unless you agree anew.",
        "es": "La pasarela se restauró a partir de una copia anterior y no puede saber qué dijo después, así que su"
        " consentimiento para «{scope}» ha terminado. No sale nada más si no acepta de nuevo.",
        "pt": "O gateway foi reposto a partir de uma cópia anterior e não pode saber o que disse depois, por isso o seu"
        " consentimento para «{scope}» terminou. Nada mais sai se não concordar de novo.",
    },
}


def text_of(kind: MessageKind, scope: str, language: str) -> str:
    """Return a message in one of ``LANGUAGES``."""
    return TEXTS[kind][language].replace("{scope}", scope)
