"""`sluice device discover`: what publishes to the broker and nobody registered, shown on this terminal and nowhere else.

The gateway gathers it in memory for this command's connection, as long as that stands; nothing is written but the list that was
asked for with `--csv`, which only its owner can read.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import Final

from consent.control import ControlClient
from consent.core.toml.durations import parse_duration_ms
from consent.device_messages import Discover, Discovered, ProfileFit, PublisherFound
from consent.messages import plain
from consent.printable import as_lines
from gateway.commands.devices.rows import table
from gateway.commands.output import save, show
from gateway.config import load_config
from gateway.errors import OperatorError
from gateway.files import SECRET_MODE, reason_of, write_whole
from gateway.terminal import complain, drawing

POLL_S: Final = 1.0
TOLD_EVERY_S: Final = 10.0
"""How often it is told how far it has come, where that is no terminal."""
_LONGEST_S: Final = 3600
_WIDTH: Final = 80
_LONG_ENOUGH: Final = "such as `60s` or `10min`, of one hour at most"


def seconds(text: str) -> int:
    """Return a time such as `60s` or `10min`, in seconds.

    Raises: argparse.ArgumentTypeError: it is none, or too long.
    """
    time_s = (parse_duration_ms(f"{text}s" if text.isdecimal() else text) or 0) // 1000
    if not 1 <= time_s <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"should be a time {_LONG_ENOUGH}")
    return time_s


def run(args: argparse.Namespace) -> int:
    """`sluice device discover`: 1 where no gateway runs."""
    place = load_config(args.config)
    if args.csv is not None:
        save(args.csv, b"")  # before anybody waits for what could not be written
    try:
        with ControlClient(place.control_socket) as client:
            _listen(client, args.for_s)
            found = client.ask("device.discover", Discover(for_s=args.for_s, report=True), Discovered)
    except BaseException:
        if args.csv is not None:
            args.csv.unlink(missing_ok=True)
        raise
    if args.csv is not None:
        try:
            rows = sorted(found.publishers, key=lambda each: not each.fits)  # those that no profile reads come last
            write_whole(args.csv, table(_row(each) for each in rows), SECRET_MODE)
        except OSError as error:
            raise OperatorError(f"`{args.csv}`: {reason_of(error)}") from error
    show(args, plain(found), as_lines([*_lines(found), *_unheard(found, place.config.broker.filters)]))
    return 0


def _listen(client: ControlClient, for_s: int) -> None:
    """Ask again and again how far it has come, until the time is over or somebody types Ctrl-C."""
    began_s = told_s = time.monotonic()
    on_terminal = sys.stderr.isatty()
    try:
        while True:
            so_far = client.ask("device.discover", Discover(for_s=for_s), Discovered)
            now_s = time.monotonic()
            left_s = for_s - (now_s - began_s)
            said = f"{so_far.found} publishers, {so_far.messages} messages, {max(0, round(left_s))} s left; Ctrl-C ends"
            if on_terminal:
                drawing(sys.stderr).write(f"\r\x1b[K{said}")  # counts of ours alone
                drawing(sys.stderr).flush()
            elif now_s - told_s >= TOLD_EVERY_S:
                told_s = now_s
                complain(said)
            if left_s <= 0:
                return
            time.sleep(min(POLL_S, left_s))
    except KeyboardInterrupt:
        return
    finally:
        if on_terminal:
            drawing(sys.stderr).write("\r\x1b[K")
            drawing(sys.stderr).flush()


def _row(publisher: PublisherFound) -> tuple[str, ...]:
    """Return a row of the list to complete: which zone, whose and about whom only people know."""
    best = publisher.fits[0].profile if publisher.fits else ""
    return publisher.topic, publisher.id, best, "", "", ""


def _lines(found: Discovered) -> Iterator[str]:
    for publisher in found.publishers:
        behind = f"  id {publisher.id}" if publisher.id else ""
        who, rate = f"{publisher.topic}{behind}", _rate(publisher)
        yield from [f"{who}  {rate}"] if len(who) + 2 + len(rate) <= _WIDTH else [who, f"  {rate}"]
        for fit in publisher.fits:
            yield from textwrap.wrap(_fit(fit), _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
        if not publisher.fits:
            yield "  no profile reads it"
    fits = [fit for publisher in found.publishers for fit in publisher.fits]
    if not all(fit.in_force for fit in fits):
        yield "(shipped): comes with the program; name it in `[use]` of city.toml"
    if any(fit.undefined for fit in fits):
        yield "undefined: a property that city.toml does not define"
    yield f"{found.found} publishers that nobody registered, {found.messages} messages"
    if found.left_off:
        yield f"{found.left_off} messages of others, which had no room here: register some of these first"


def _unheard(found: Discovered, filters: Sequence[str]) -> Iterator[str]:
    """Where nothing was heard at all, say what could have been: devices often publish outside of the filters."""
    if not found.messages:
        said = f"`broker.filters` lets through {', '.join(f'`{each}`' for each in filters)}, and of others nothing is heard"
        yield from textwrap.wrap(said, _WIDTH, break_on_hyphens=False)


def _rate(publisher: PublisherFound) -> str:
    count = publisher.messages
    if publisher.per_h is None:
        return f"{count} {'message' if count == 1 else 'messages'}"
    return f"{count} messages, {_rounded(publisher.per_h)} an hour"


def _rounded(per_h: float) -> str:
    return f"{per_h:.0f}" if per_h >= 100 else f"{per_h:.3g}"


def _fit(fit: ProfileFit) -> str:
    values = [f"{each.property} {each.value:g} {each.unit}" for each in fit.values]
    undefined = [f"undefined: {', '.join(fit.undefined)}"] if fit.undefined else []
    refused = [f"refused: {fit.refused}"] if fit.refused else []
    said = "; ".join([*([", ".join(values)] if values else []), *undefined, *refused])
    return f"{fit.profile}{'' if fit.in_force else ' (shipped)'}: {said}"
