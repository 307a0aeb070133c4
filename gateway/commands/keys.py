"""`sluice keys`: the gateway's own keys."""

from __future__ import annotations

import argparse

from consent.printable import as_lines
from gateway.commands.output import show
from gateway.commands.parser import Parser, Verbs, group, verb, with_config
from gateway.config import load_config


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "keys", "the gateway's own keys")
    with_config(verb(noun, "init", "make the root key and the log's key", keys_init))


def keys_init(args: argparse.Namespace) -> int:
    """`sluice keys init`."""
    from gateway.edge.keys import init_keys, log_origin

    place = load_config(args.config)
    place.refuse_another_user(place.keys)
    keys = init_keys(place.keys, log_origin(place.config.gateway))
    vkey = keys.log_signer.vkey()
    lines = [
        f"keys made in {place.keys}: keep a copy of root.key and log.skey where nobody else can read it",
        f"the log's public key, for everyone: {vkey}",
    ]
    show(args, {"keys_folder": str(place.keys), "log_vkey": vkey}, as_lines(lines))
    return 0
