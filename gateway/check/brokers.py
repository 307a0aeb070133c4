"""What is to be noted of the brokers of a gateway: whether others could take its sessions, and what they keep.

`sluice check` shows it. A running gateway has found out what its brokers do, and its status tells it; to ask them again would
end its connections. Where none runs, each broker is asked in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from consent.core.review.warnings import Note, Weight
from gateway.config import Installation
from gateway.edge.broker_terms import BrokerTerms, ask_terms
from gateway.edge.connections import each_connection
from gateway.edge.link import LinkSettings

_ASK_S = 5.0
_FREE = {
    True: "the broker lets every account choose its client id: whoever has one can take the gateway's session over, and the"
    " readings that wait in it; Mosquitto needs `use_username_as_clientid true` behind each `listener`",
    False: "the broker lets every account choose its client id: whoever has one can end this connection again and again; ask its"
    " keeper to bind client ids to accounts",
}
_RETAINS = (
    "the broker keeps retained messages: a household's last reading would stay there after an erasure; Mosquitto needs"
    " `retain_available false`"
)


Found = Mapping[str, BrokerTerms | str]
"""What each broker does, by the key of its table, or why it was not asked."""


def notes_on_brokers(place: Installation, found: Found | None = None) -> tuple[Note, ...]:
    """Return what is to be noted of each broker, by the key of its table.

    Args:
        place: The configuration.
        found: What is known of the brokers; None: they are asked, which ends connections of a gateway that runs.

    Raises: OperatorError: a password or certificate cannot be used.
    """
    links = each_connection(place)
    if found is None:
        found = asyncio.run(_ask_each(links))
    return tuple(
        Note(weight, place.file.name, key, message)
        for key in links
        for weight, message in _notes(key, found.get(key, BrokerTerms()), links)
    )


def _notes(key: str, terms: BrokerTerms | str, links: Mapping[str, LinkSettings]) -> Iterator[tuple[Weight, str]]:
    if isinstance(terms, str):
        yield Weight.NOTE, f"not asked whether the broker binds client ids to accounts: {terms}"
        return
    if terms.unanswered:
        yield Weight.WARNING, links[key].unanswered
    elif terms.refused:
        yield Weight.WARNING, f"the broker refuses the connection: {terms.refused}; are `user` and `password_file` right?"
    elif terms.ids_bound is None:
        yield Weight.NOTE, "the broker does not tell whether it binds client ids to accounts"
    elif not terms.ids_bound:
        yield Weight.WARNING, _FREE[key == "broker"]
    else:
        for other in links:
            if other < key and _account(links[other]) == _account(links[key]):
                yield Weight.WARNING, f"the same account as `{other}` has: each of the two ends the other's connection"
    if terms.retains and key == "broker":
        yield Weight.WARNING, _RETAINS


def _account(link: LinkSettings) -> tuple[str, int, str | None]:
    return link.host, link.port, link.session.user


async def _ask_each(links: Mapping[str, LinkSettings]) -> dict[str, BrokerTerms | str]:
    """Ask one broker after the other, since two connections may lead to one broker, and there to one account."""
    found: dict[str, BrokerTerms | str] = {}
    for key, link in links.items():
        try:
            async with asyncio.timeout(_ASK_S):
                found[key] = await ask_terms(link.host, link.port, link.tls, link.session)
        except (OSError, TimeoutError) as error:
            found[key] = link.unreachable(error)
    return found
