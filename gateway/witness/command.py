"""`sluice witness keygen` and `sluice witness run`: the commands of an institution that witnesses other people's logs.

Exit status: 0 success; 2 a key, file, address or option is wrong, or the disk failed; 3 the witness's own records disagree.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from typing import Any

from consent.printable import as_lines
from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.notes import KeyFormatError
from gateway.audit.log.submission import LogWitness
from gateway.errors import OperatorError
from gateway.files import SecretFileError, create_file, refuse_anothers
from gateway.http.places import Places
from gateway.http.server import HttpServer
from gateway.terminal import complain
from gateway.witness.folder import WitnessFolder
from gateway.witness.service import WitnessService
from gateway.witness.settings import Settings, load_cosigner, load_settings, settings_from


def run(args: argparse.Namespace) -> int:
    """Run a sub-command and return the exit status.

    Raises:
        SluiceError: when a key, file, address or option is wrong, or the disk failed.
    """
    return _keygen(args) if args.witness_command == "keygen" else _run(_settings(args))


def _keygen(args: argparse.Namespace) -> int:
    try:
        cosigner = Cosigner(args.name, os.urandom(32))
        if os.path.lexists(args.key):
            raise OperatorError(f"`{args.key}`: exists already, and keys are never overwritten")
        refuse_anothers(args.key)
        WitnessFolder.create(args.state, cosigner.verifier)
        create_file(args.key, f"{cosigner.skey()}\n".encode())
    except (KeyFormatError, SecretFileError) as error:
        raise OperatorError(str(error)) from error
    if args.json:
        print(json.dumps({"key": str(args.key), "state": str(args.state), "witness_vkey": cosigner.vkey()}))
    else:
        lines = [
            f"signing key   {args.key}  (mode 0600: nobody else may read it)",
            f"state folder  {args.state}  (never put an older copy of it back)",
            f"public key    {cosigner.vkey()}",
        ]
        print(as_lines(lines), end="")
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    options = {"--listen": args.listen, "--key": args.key, "--state": args.state, "--log": args.log}
    given = [name for name, value in (*options.items(), ("--proxy", args.proxy)) if value]
    if args.config is not None:
        if given:
            raise OperatorError(f"`{given[0]}` beside `--config`: say it in the file")
        return load_settings(args.config)
    absent = [name for name, value in options.items() if not value]
    if absent:
        raise OperatorError(f"name `{absent[0]}`, or a file with `--config`")
    return settings_from(args.listen, args.key, args.state, args.log, args.proxy)


def _run(settings: Settings) -> int:
    witness = LogWitness(load_cosigner(settings.key_file), settings.logs)
    folder = WitnessFolder(settings.state_folder, witness.cosigner.verifier)
    try:
        asyncio.run(_serve(WitnessService(witness, folder), settings))
    finally:
        folder.close()
    return 0


async def _serve(service: WitnessService, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        OperatorError: when the address cannot be used, or the disk failed; the next start reads what the disk holds.
    """
    server = HttpServer(service.answer, places=Places(settings.proxies))
    try:
        port = await server.start(settings.host, settings.port)
    except OSError as error:
        reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
        raise OperatorError(f"cannot listen on `{settings.host}:{settings.port}`: {reason}") from error
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    complain(f"witnessing {len(settings.logs)} logs on http://{host}:{port}/")
    stopping = asyncio.create_task(stop.wait())
    ends: tuple[asyncio.Future[Any], ...] = (stopping, server.failed)
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if server.failed.done():
            server.failed.result()
    except OSError as error:
        raise OperatorError(f"`{settings.state_folder}`: the disk failed: {error}") from error
    finally:
        stopping.cancel()
        await server.close()
