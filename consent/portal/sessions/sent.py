"""What was sent and not answered: the form, so that it can be sent again under the same id without being filled in again.

In memory alone, for ten minutes, of so many visitors at most. Where it is forgotten, the page still tells what became of the
request, by its id, and leads back to where it began.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

from consent.portal.http.cookies import SENT_S
from consent.portal.visit import SentForm

MOST: Final = 256
"""So many forms, of 16 KiB at most."""
MOST_CARRIED: Final = 8192
"""So many that were carried out, of which a hash is remembered."""


class SentForms:
    """Those whose answer did not come, each known by its visitor's token and its id together."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Remember none."""
        self._now_ms = now_ms
        self._forms: OrderedDict[tuple[str, str], SentForm] = OrderedDict()

    def keep(self, token: str, form: SentForm) -> None:
        """Remember a form."""
        self._forms[token, form.request] = form
        self._forms.move_to_end((token, form.request))
        self._forget()

    def find(self, token: str, request: str) -> SentForm | None:
        """Return a form of a visitor's."""
        self._forget()
        return self._forms.get((token, request))

    def drop(self, token: str, request: str) -> None:
        """Forget a form that was answered."""
        self._forms.pop((token, request), None)

    def _forget(self) -> None:
        oldest_ms = self._now_ms() - SENT_S * 1000
        while self._forms and (len(self._forms) > MOST or next(iter(self._forms.values())).at_ms < oldest_ms):
            self._forms.popitem(last=False)


class CarriedOut:
    """Which form was carried out under an id: the gateway answers the same id alike, whatever a browser has filled in anew.

    A browser may show a page again as it was, with the id of its form, and the person fill in something else.
    """

    def __init__(self) -> None:
        """Remember none."""
        self._hashes: OrderedDict[bytes, bytes] = OrderedDict()

    def keep(self, token: str, form: SentForm) -> None:
        """Remember a form."""
        self._hashes[_name(token, form)] = _hash(form)
        while len(self._hashes) > MOST_CARRIED:
            self._hashes.popitem(last=False)

    def is_another(self, token: str, form: SentForm) -> bool:
        """Return whether something else was carried out under a form's id."""
        return self._hashes.get(_name(token, form), _hash(form)) != _hash(form)


def _name(token: str, form: SentForm) -> bytes:
    """Return by what an id of a visitor's is known: no token lies about."""
    return sha256(f"{token} {form.request}".encode()).digest()


def _hash(form: SentForm) -> bytes:
    return sha256(msgspec.json.encode([form.path.partition("?")[0], sorted(form.values.items())])).digest()
