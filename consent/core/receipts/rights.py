"""The rights that a receipt tells of, and how each is exercised, in the languages that the program speaks.

Source: Regulation (EU) 2016/679, articles 7(3), 15 to 18, 20 and 77; terms of the DPV extension for it. Outside its reach the
receipt tells only of what the program grants to everyone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from consent.core.languages import LANGUAGES
from consent.core.policies.policy import Texts


@dataclass(frozen=True, slots=True)
class Right:
    """One right.

    Attributes:
        term: Under the regulation.
        by_program: Whether the program itself grants it, whatever the law.
        at_controller: Whether it is exercised with the controller.
    """

    term: str
    by_program: bool
    at_controller: bool
    title: Texts
    how: Texts


RIGHTS: Final = (
    Right(
        "eu-gdpr:A7-3",
        by_program=True,
        at_controller=True,
        title={"en": "Withdraw consent", "es": "Retirar el consentimiento", "pt": "Retirar o consentimento"},
        how={
            "en": "At any moment and without a reason. Once it is confirmed, nothing more that holds your data is made.",
            "es": "En cualquier momento y sin dar razones. Una vez confirmado, no se prepara nada más con sus datos.",
            "pt": "A qualquer momento e sem dar razões. Uma vez confirmado, nada mais se prepara com os seus dados.",
        },
    ),
    Right(
        "eu-gdpr:A15",
        by_program=True,
        at_controller=True,
        title={"en": "Access", "es": "Acceso", "pt": "Acesso"},
        how={
            "en": "Ask for all that is held about your household, and for the list of releases that contained it.",
            "es": "Pida todo lo que se guarda sobre su hogar y la lista de las entregas que lo contenían.",
            "pt": "Peça tudo o que se guarda sobre a sua casa e a lista das entregas que o continham.",
        },
    ),
    Right(
        "eu-gdpr:A16",
        by_program=False,
        at_controller=True,
        title={"en": "Rectification", "es": "Rectificación", "pt": "Retificação"},
        how={
            "en": "Tell the controller what is wrong.",
            "es": "Comunique al responsable qué es incorrecto.",
            "pt": "Diga ao responsável o que está errado.",
        },
    ),
    Right(
        "eu-gdpr:A17",
        by_program=True,
        at_controller=True,
        title={"en": "Erasure", "es": "Supresión", "pt": "Apagamento"},
        how={
            "en": "Ask for it: the key that joins your data is destroyed, and what still waits is deleted.",
            "es": "Pídala: se destruye la clave que une sus datos y se borra lo que aún espera.",
            "pt": "Peça-o: destrói-se a chave que une os seus dados e apaga-se o que ainda espera.",
        },
    ),
    Right(
        "eu-gdpr:A18",
        by_program=True,
        at_controller=True,
        title={"en": "Restriction", "es": "Limitación", "pt": "Limitação"},
        how={
            "en": "Pause your consent; it takes effect at once and lasts until you resume it.",
            "es": "Suspenda su consentimiento; tiene efecto inmediato y dura hasta que lo reanude.",
            "pt": "Suspenda o seu consentimento; tem efeito imediato e dura até que o retome.",
        },
    ),
    Right(
        "eu-gdpr:A20",
        by_program=True,
        at_controller=True,
        title={"en": "Data portability", "es": "Portabilidad de los datos", "pt": "Portabilidade dos dados"},
        how={
            "en": "Ask for your data in a form that other programs can read.",
            "es": "Pida sus datos en un formato que otros programas puedan leer.",
            "pt": "Peça os seus dados num formato que outros programas possam ler.",
        },
    ),
    Right(
        "eu-gdpr:A77",
        by_program=False,
        at_controller=False,
        title={"en": "Complaint", "es": "Reclamación", "pt": "Reclamação"},
        how={
            "en": "Turn to the data protection authority where you live, where you work, or where you think the wrong was done.",
            "es": "Diríjase a la autoridad de protección de datos de donde viva, trabaje o crea que se cometió la infracción.",
            "pt": "Dirija-se à autoridade de proteção de dados de onde vive, trabalha ou pensa que a infração foi cometida.",
        },
    ),
)


def rights_nodes(contact: str | None, under_gdpr: bool, languages: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rights as JSON-LD nodes.

    Args:
        contact: Where the controller is reached; None where that is unknown.
        under_gdpr: Whether the regulation is known to apply.
        languages: Those wanted; English where the program speaks none of them.
    """
    spoken = [language for language in languages if language in LANGUAGES] or ["en"]
    return [_node(right, contact, under_gdpr, spoken) for right in RIGHTS if under_gdpr or right.by_program]


def _node(right: Right, contact: str | None, under_gdpr: bool, spoken: list[str]) -> dict[str, Any]:
    node: dict[str, Any] = {
        "@type": ["dpv:DataSubjectRight", right.term] if under_gdpr else ["dpv:DataSubjectRight"],
        "title": {language: right.title[language] for language in spoken},
        "description": {language: right.how[language] for language in spoken},
    }
    if right.at_controller and contact is not None:
        node["isExercisedAt"] = contact
    return node
