"""The field's terms that pages for everybody do without, by language."""

from __future__ import annotations

import re

EVERYWHERE = ("k", "gateway", "gateways", "epsilon", "k-anonymity")
AVOIDED = {
    "en": (
        *("subject", "subjects", "pseudonym", "pseudonyms", "pseudonymous", "pseudonymised", "void", "voids", "voided"),
        *("label key", "label keys", "epoch", "epochs", "log entry", "log entries", "consent given"),
        *("granularity", "granular", "controller", "controllers"),
    ),
    "es": (
        *("sujeto", "sujetos", "titular de los datos", "seudónimo", "seudónimos", "seudonimizado", "anulado", "anulada"),
        *("clave de etiquetas", "época", "épocas", "entrada del registro", "entradas del registro", "consentimiento otorgado"),
        *("consentimiento dado", "granularidad", "responsable del tratamiento", "controlador", "pasarela", "puerta de enlace"),
    ),
    "pt": (
        *("titular dos dados", "pseudónimo", "pseudónimos", "pseudonimizado", "anulado", "anulada", "chave de etiquetas"),
        *("época", "épocas", "entrada do log", "consentimento dado", "granularidade", "responsável pelo tratamento"),
        *("controlador", "porta de ligação"),
    ),
}
"""What pages have other words for: home, made-up name, taken back, search key, number in the record, answer, gate."""


def found_in(language: str, text: str) -> list[str]:
    """Return the avoided words that stand in a text."""
    return [
        word for word in (*EVERYWHERE, *AVOIDED[language]) if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text.lower())
    ]
