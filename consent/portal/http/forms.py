"""Forms that only our own pages send: where a form comes from, what it holds, and the token that shows whose it is.

A form has to come from this site, by the browser's own word (`Origin`, `Sec-Fetch-Site`), and bring the token that the page was
given: a keyed hash under the visitor's cookie, which no other site can read or guess.

Sources: the Fetch standard, section 3.2; Fetch Metadata Request Headers; application/x-www-form-urlencoded in the URL standard.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

from consent.portal.answers import FormField

TOKEN_FIELD: Final = "form"  # noqa: S105  the name of a field
REQUEST_FIELD: Final = "request"
_REQUEST: Final = re.compile(r"[0-9a-f]{32}")
_MOST_FIELDS: Final = 64
_FROM_HERE: Final = (b"same-origin", b"none")
"""What `Sec-Fetch-Site` says of a form of our own: `none` where a browser that was closed sends it again."""


class MisfitError(Exception):
    """What came is no form of ours."""


def token_of(secret: str) -> str:
    """Return what the forms of a visitor bring back, by the value of the visitor's cookie."""
    return hmac.new(secret.encode(), b"sluice form", sha256).hexdigest()


def is_token(said: str, secrets: Iterable[str]) -> bool:
    """Return whether a form's token is that of one of the visitor's cookies."""
    matches = [hmac.compare_digest(said.encode(errors="replace"), token_of(secret).encode()) for secret in secrets]
    return any(matches)


def is_from_here(headers: Mapping[bytes, bytes], here: Sequence[str]) -> bool:
    """Return whether a browser says that one of our own pages sent a form.

    Args:
        headers: Of the request.
        here: The origins of this site, as `https://sensors.ribera.example`.
    """
    origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
    if site is not None and site not in _FROM_HERE:
        return False
    if origin is None or origin == b"null":  # `null` is also said by a page that passes no address on
        return site == b"same-origin"
    return origin.decode("latin-1") in here


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form, as they came.

    Raises: MisfitError: it is not in UTF-8, has a field twice, or too many.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # a `UnicodeDecodeError` is one
        raise MisfitError from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MisfitError
    return fields


def values_of(sent: Mapping[str, str], fields: Iterable[FormField]) -> dict[str, str]:
    """Return the values of a route's fields.

    Raises: MisfitError: one that is required is absent, or is none that it can be.
    """
    found = {}
    for field in fields:
        value = sent.get(field.name, "").replace("\r\n", "\n")
        fits = len(value) <= field.longest and re.fullmatch(field.pattern, value) is not None
        if field.is_required and (not fits or field.name not in sent):
            raise MisfitError
        found[field.name] = value if fits else ""
    return found


def request_of(sent: Mapping[str, str]) -> str:
    """Return the id of a sending.

    Raises: MisfitError: it has none.
    """
    request = sent.get(REQUEST_FIELD, "")
    if not _REQUEST.fullmatch(request):
        raise MisfitError
    return request
