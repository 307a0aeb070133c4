"""What `sluice check` tells of the brokers of a gateway: whether others could take its sessions, and what they keep.

A running gateway has found that out already, and is asked; a question of our own would end its connection. Where none runs, each
broker is asked in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from consent.control import ControlClient, ControlError
from consent.core.review.warnings import Note, Weight
from consent.errors import ControlRequestError
from gateway.config import Installation
from gateway.edge.broker_terms import BrokerTerms, ask_terms
from gateway.edge.connections import each_connection
from gateway.edge.mqtt import LinkSettings

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


def notes_on_brokers(place: Installation) -> tuple[Note, ...]:
    """Return what is to be noted of each broker, by the key of its table.

    Raises: OperatorError: a password or certificate cannot be used.
    """
    links = each_connection(place)
    found = _told_by_the_gateway(place) or asyncio.run(_ask_each(links))
    return tuple(
        Note(weight, place.file.name, key, message)
        for key in links
        for weight, message in _notes(key, found.get(key, BrokerTerms()), links)
    )


def _notes(key: str, terms: BrokerTerms | str, links: Mapping[str, LinkSettings]) -> Iterator[tuple[Weight, str]]:
    if isinstance(terms, str):
        yield Weight.NOTE, f"not asked whether the broker binds client ids to accounts: {terms}"
        return
    if terms.ids_bound is None:
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


def _told_by_the_gateway(place: Installation) -> dict[str, BrokerTerms | str]:
    """Return what a running gateway has found out; nothing where none runs."""
    try:
        with ControlClient(place.control_socket, _ASK_S) as client:
            shown = client.call("status")
    except (ControlError, ControlRequestError) as error:
        if isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
            return {}
        return dict.fromkeys(each_connection(place), "the running gateway does not answer, and to ask would end its connection")
    sinks = {f"sink.{name}": _terms(sink) for name, sink in shown["sinks"].items()}
    return {"broker": _terms(shown["broker"]), **sinks}


def _terms(shown: Mapping[str, Any]) -> BrokerTerms:
    return BrokerTerms(ids_bound=shown.get("ids_bound"), retains=shown.get("retains"))


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
