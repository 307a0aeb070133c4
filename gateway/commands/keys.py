"""`sluice keys`: the gateway's own keys."""

from __future__ import annotations

import argparse

from consent.core.disclosure import DAY_MS
from consent.messages import KeyRotation, Nothing
from consent.printable import as_lines
from gateway.commands.client import call_gateway
from gateway.commands.output import show
from gateway.commands.parser import Parser, Verbs, group, method, verb, with_config
from gateway.config import load_config


def add_verbs(verbs: Verbs[Parser]) -> None:
    """Add the verbs and their options."""
    noun = group(verbs, "keys", "the gateway's own keys")
    with_config(verb(noun, "init", "make the root key and the log's key", keys_init))
    text = "replace one of the gateway's own keys, also while it runs"
    rotated = method(noun, "keys.rotate", text, KeyRotation, run=keys_rotate)
    rotated.add_argument(
        "key", choices=("log", "root"), help="which: the key that signs the log, or the one that seals the database"
    )
    method(noun, "keys.status", "show the gateway's own keys: generations and age", Nothing, run=keys_status)


def keys_rotate(args: argparse.Namespace) -> int:
    """`sluice keys rotate`."""
    place = load_config(args.config)
    answer = call_gateway(place, args.method, args.params(args), writes=(place.keys,))
    if answer["key"] == "root":
        lines = [
            f"the root key: generation {answer['generation']}, log index {answer['log_index']}",
            f"keep a copy of {place.keys} anew where nobody else can read it",
            "and make a backup once `sluice keys status` shows that everything is sealed under it",
        ]
        show(args, answer, as_lines(lines))
        return 0
    lines = [
        f"the log's key: generation {answer['generation']}, log index {answer['log_index']}",
        f"its public key, for everyone: {answer['vkey']}",
        f"keep a copy of {place.keys} anew where nobody else can read it",
    ]
    if answer["waits_for"]:
        lines.append(f"the former key signs too until these witnesses go by the new one: {', '.join(answer['waits_for'])}")
    show(args, answer, as_lines(lines))
    return 0


def keys_status(args: argparse.Namespace) -> int:
    """`sluice keys status`."""
    answer = call_gateway(load_config(args.config), args.method, {}, reading=True)
    log = answer["log"]
    lines = [f"log   generation {log['generation']}, {_age(answer['now_ms'] - log['since_ms'])} old, {log['vkey']}"]
    if log["former"]:
        waits = ", ".join(log["waits_for"]) or "the next checkpoint"
        lines.append(f"      the former key signs too: {log['former']}; waits for {waits}")
    root = answer["root"]
    lines.append(f"root  generation {root['generation']}, {_age(answer['now_ms'] - root['since_ms'])} old")
    if root["resealing"]:
        lines.append("      rows are being sealed under it; until then the former is needed")
    for number in root["former"]:
        devices = root["devices"].get(str(number), 0)
        lines.append(f"      generation {number} is kept: {devices} devices may have their keys from it")
    show(args, answer, as_lines(lines))
    return 0


def _age(milliseconds: int) -> str:
    days = milliseconds // DAY_MS
    return "1 day" if days == 1 else f"{days} days"


def keys_init(args: argparse.Namespace) -> int:
    """`sluice keys init`."""
    from gateway.edge.keys.keyring import init_keys
    from gateway.edge.keys.log import log_origin

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
