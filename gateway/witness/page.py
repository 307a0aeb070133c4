"""The witness's only page for people: what it vouches for, which logs it witnesses, and the size at which it last saw each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from consent.printable import printable
from gateway.audit.log.notes import Verifier
from gateway.audit.log.submission import Seen, origin_hash
from gateway.http.server import Response

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Witness {name}</title>
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid; }}
</style>
</head>
<body>
<h1>Witness {name}</h1>
<p>This witness cosigns the checkpoints of the logs below. With each cosignature it says that, at that second, this was the
largest checkpoint of the log that it had seen, and that the log had only grown since every earlier one: nothing in it was
changed or taken out. It says nothing about what the entries mean, or whether they are true.</p>
<p>Its public key: <code>{vkey}</code></p>
<table>
<thead>
<tr><th scope="col">log</th><th scope="col">entries</th><th scope="col">cosigned (UTC)</th><th scope="col">checkpoint</th></tr>
</thead>
<tbody>
{rows}</tbody>
</table>
</body>
</html>
"""
_CONTRADICTED = '<br><strong>has signed two histories: <a href="{hash}/contradiction">the proof</a></strong>'
_PROTECTION = (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"), ("Cache-Control", "no-cache"))


def page(witness: Verifier, origins: Sequence[str], seen: Mapping[str, Seen], contradicted: Collection[str]) -> Response:
    """Return the page.

    Args:
        witness: The witness's public key.
        origins: The logs that it witnesses.
        seen: The checkpoint that it last cosigned of each.
        contradicted: The logs that have signed two histories.
    """
    rows = "".join(_row(origin, seen.get(origin), origin in contradicted) for origin in sorted(origins))
    text = _PAGE.format(name=_shown(witness.name), vkey=_shown(witness.vkey()), rows=rows)
    return Response(200, text.encode(), "text/html; charset=utf-8", _PROTECTION)


def _shown(text: str) -> str:
    """Return foreign text as it stands in the page: no markup, and in the order in which it stands."""
    return escape(printable(text))


def _row(origin: str, seen: Seen | None, contradicted: bool) -> str:
    hash_ = origin_hash(origin)
    name = f"<bdi>{_shown(origin)}</bdi>" + (_CONTRADICTED.format(hash=hash_) if contradicted else "")
    if seen is None:
        return f"<tr><td>{name}</td><td>none seen yet</td><td></td><td></td></tr>\n"
    time = _utc(seen.time_s)
    return f'<tr><td>{name}</td><td>{seen.size}</td><td>{time}</td><td><a href="{hash_}/checkpoint">checkpoint</a></td></tr>\n'


def _utc(time_s: int) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a time beyond the calendar
        return str(time_s)
