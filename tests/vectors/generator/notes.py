"""Makes ``notes.json``: keys, notes that must open, notes and keys that must be refused, and checkpoints, straight from C2SP.

Source: C2SP signed-note v1.0.0, tlog-cosignature v1.0.1 (``cosignature/v1``), tlog-checkpoint.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG, WITNESS = 0x01, 0x04
_TIME_S = 1_750_000_000
_ROOT = b64encode(sha256(b"root").digest()).decode()
_CHECKPOINT = f"river.example/log\n4711\n{_ROOT}\n"


@dataclass(frozen=True)
class Key:
    """A named Ed25519 key of one type, whose seed is the hash of its name: a key for vectors and for nothing else."""

    name: str
    type: int = LOG

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes."""
        return sha256(b"vector key " + self.name.encode()).digest()

    @property
    def public(self) -> bytes:
        """The 32 public bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, type and public key."""
        return sha256(self.name.encode() + b"\n" + bytes((self.type,)) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The verifying key's text."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes((self.type,)) + self.public)}"

    @property
    def skey(self) -> str:
        """The signing key's text."""
        return f"PRIVATE+KEY+{self.name}+{self.id.hex()}+{_base64(bytes((self.type,)) + self.seed)}"

    def sign(self, message: bytes) -> bytes:
        """Return the bare signature over bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def signature(self, text: str, time_s: int = _TIME_S) -> bytes:
        """Return what stands behind the key id on a signature line over a text."""
        if self.type == LOG:
            return self.sign(text.encode())
        return time_s.to_bytes(8, "big") + self.sign(f"cosignature/v1\ntime {time_s}\n{text}".encode())

    def line(self, text: str, time_s: int = _TIME_S) -> str:
        """Return the signature line over a text."""
        return _line(self.name, self.id + self.signature(text, time_s))


RIVER, HILL = Key("river.example/log"), Key("hill.example")
ANA, BEA = Key("ana.example/witness", WITNESS), Key("bea.example/witness", WITNESS)


def values() -> dict[str, Any]:
    """Return the file's values."""
    return {
        "keys": [
            {"name": key.name, "type": key.type, "seed": key.seed.hex(), "vkey": key.vkey, "skey": key.skey}
            for key in (RIVER, HILL, ANA, BEA)
        ],
        "good": [
            {
                "what": what,
                "keys": [key.vkey for key in keys],
                "text": text,
                "note": text + "\n" + lines,
                "cosigned_s": cosigned_s,
            }
            for what, keys, text, lines, cosigned_s in _good()
        ],
        "bad": [
            {"what": what, "key": key.vkey, "note_base64": _base64(note if isinstance(note, bytes) else note.encode())}
            for what, key, note in (*_bad_texts(), *_bad_lines(), *_bad_cosignatures())
        ],
        "bad_vkeys": [{"what": what, "vkey": vkey} for what, vkey in _bad_vkeys()],
        "checkpoints": [
            {"origin": "river.example/log", "size": 4711, "root": _ROOT, "extensions": [], "text": _CHECKPOINT},
            {"origin": "go wild", "size": 0, "root": _base64(sha256(b"").digest()), "extensions": [], "text": _small()},
            {"origin": "o", "size": 4711, "root": _ROOT, "extensions": ["a b", "—"], "text": f"o\n4711\n{_ROOT}\na b\n—\n"},
        ],
        "bad_checkpoints": [{"what": what, "text": text} for what, text in _bad_checkpoints()],
    }


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _line(name: str, data: bytes) -> str:
    return f"— {name} {_base64(data)}\n"


def _small() -> str:
    return f"go wild\n0\n{_base64(sha256(b'').digest())}\n"


def _good() -> Iterator[tuple[str, list[Key], str, str, list[int]]]:
    """Yield what it is, the keys that must find their line, text, signature lines, and the times of the cosignatures."""
    plain, odd = "The river rises.\n", "Ünïcode — 川\n\n— not.a.signature AAAA\n\nmore\n"
    yield "one signature", [RIVER], plain, RIVER.line(plain), []
    yield "two signatures", [RIVER, HILL], plain, RIVER.line(plain) + HILL.line(plain), []
    yield "a stranger's signature first", [HILL], plain, RIVER.line(plain) + HILL.line(plain), []
    yield "empty lines and a false signature line in the text", [RIVER], odd, RIVER.line(odd), []
    yield "a stranger of the same name", [RIVER], plain, _line(RIVER.name, b"\x00" * 68) + RIVER.line(plain), []
    yield "a stranger with a signature of another length", [RIVER], plain, _line("x.example", b"\x00" * 5) + RIVER.line(plain), []
    yield "a text of one newline", [RIVER], "\n", RIVER.line("\n"), []
    yield "a checkpoint", [RIVER], _CHECKPOINT, RIVER.line(_CHECKPOINT), []
    both = RIVER.line(_CHECKPOINT) + ANA.line(_CHECKPOINT)
    yield "a checkpoint with a cosignature", [RIVER, ANA], _CHECKPOINT, both, [_TIME_S]
    yield "a checkpoint with two", [ANA, BEA], _CHECKPOINT, both + BEA.line(_CHECKPOINT, _TIME_S + 60), [_TIME_S, _TIME_S + 60]
    extended = _CHECKPOINT + "an extension line\n"
    yield "a checkpoint with an extension line", [ANA], extended, RIVER.line(extended) + ANA.line(extended, 1), [1]
    yield "a cosignature of the last second", [ANA], _CHECKPOINT, ANA.line(_CHECKPOINT, 2**63 - 1), [2**63 - 1]


def _bad_texts() -> Iterator[tuple[str, Key, bytes | str]]:
    text = "The river rises.\n"
    line = RIVER.line(text)
    yield "another text", RIVER, "The river falls.\n\n" + line
    yield "another line in the text", RIVER, text + "More.\n\n" + line
    yield "no empty line", RIVER, text + line
    yield "no text", RIVER, line
    yield "no signature", RIVER, text + "\n"
    yield "no newline at the end", RIVER, text + "\n" + line[:-1]
    yield "an empty line behind the signature", RIVER, text + "\n" + line + "\n"
    yield "signed without the final newline", RIVER, text + "\n" + _line(RIVER.name, RIVER.id + RIVER.sign(text[:-1].encode()))
    yield "signed with the empty line", RIVER, text + "\n" + _line(RIVER.name, RIVER.id + RIVER.sign(text.encode() + b"\n"))
    yield "newlines of Windows", RIVER, (text + "\n" + line).replace("\n", "\r\n")
    for what, character in (("a tab", "\t"), ("a null character", "\x00"), ("an escape character", "\x1b")):
        odd = f"The river{character}rises.\n"
        yield f"{what} in the text, signed so", RIVER, odd + "\n" + RIVER.line(odd)
    broken = b"The river \xff rises.\n"
    yield "not UTF-8, signed so", RIVER, broken + b"\n" + _line(RIVER.name, RIVER.id + RIVER.sign(broken)).encode()


def _bad_lines() -> Iterator[tuple[str, Key, bytes | str]]:
    text = "The river rises.\n"
    signature, line = RIVER.sign(text.encode()), RIVER.line(text)
    data = RIVER.id + signature
    for at in (0, 31, 32, 63):
        turned = signature[:at] + bytes((signature[at] ^ 1,)) + signature[at + 1 :]
        yield f"byte {at} of the signature changed", RIVER, text + "\n" + _line(RIVER.name, RIVER.id + turned)
    order = 2**252 + 27742317777372353535851937790883648493
    higher = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    lines = {
        "a signature whose scalar exceeds the order": _line(RIVER.name, RIVER.id + signature[:32] + higher),
        "a signature of 63 bytes": _line(RIVER.name, data[:-1]),
        "a signature of 65 bytes": _line(RIVER.name, data + b"\x00"),
        "a key id and nothing": _line(RIVER.name, RIVER.id),
        "three bytes": _line(RIVER.name, RIVER.id[:3]),
        "another key's signature": _line(RIVER.name, RIVER.id + HILL.sign(text.encode())),
        "a stranger's signature alone": HILL.line(text),
        "the key's id under another name": _line(HILL.name, data),
        "the name with another key's id": _line(RIVER.name, HILL.id + signature),
        "a hyphen for the dash": line.replace("—", "-"),
        "no dash": line[2:],
        "two spaces": line.replace(" ", "  "),
        "a space at the end": line[:-1] + " \n",
        "no name": f"—  {_base64(data)}\n",
        "a plus sign in a stranger's name": _line("x+y", data) + line,
        "base64 without padding": line.removesuffix("=\n") + "\n",
        "base64 of the URL alphabet": f"— {RIVER.name} {_base64(b'????' + signature).replace('/', '_')}\n" + line,
        "base64 whose last bits are not zero": f"— x.example {_base64(bytes(67))[:-2]}B=\n" + line,
        "a good line, then what is none": line + "— x.example\n",
        "a good line, then an empty one, then a stranger's": line + "\n" + HILL.line(text),
    }
    for what, changed in lines.items():
        yield what, RIVER, text + "\n" + changed


def _bad_cosignatures() -> Iterator[tuple[str, Key, bytes | str]]:
    text = _CHECKPOINT
    signature = ANA.signature(text)
    bare = signature[8:]
    log_ana = Key(ANA.name)  # the same secret bytes, as a log's key
    signed = {
        "a second later": (_TIME_S + 1).to_bytes(8, "big") + bare,
        "no time": bare,
        "the time alone": signature[:8],
        "the time at the end": bare + signature[:8],
        "the time in the other byte order": signature[:8][::-1] + bare,
        "a bare signature over the text": signature[:8] + ANA.sign(text.encode()),
        "a signature without the header": signature[:8] + ANA.sign(f"time {_TIME_S}\n{text}".encode()),
        "a signature under another version": signature[:8] + ANA.sign(f"cosignature/v2\ntime {_TIME_S}\n{text}".encode()),
        "a time with a leading zero": signature[:8] + ANA.sign(f"cosignature/v1\ntime 0{_TIME_S}\n{text}".encode()),
        "a time that names none": ANA.signature(text, 0),
        "another checkpoint": ANA.signature(text.replace("4711", "4712")),
        "without its extension line": ANA.signature(text + "extension\n"),
        "another witness's": BEA.signature(text),
    }
    for what, data in signed.items():
        yield f"cosignature: {what}", ANA, text + "\n" + RIVER.line(text) + _line(ANA.name, ANA.id + data)
    yield "cosignature: a log's signature in its place", ANA, text + "\n" + log_ana.line(text)
    yield "cosignature: a log's signature under its id", ANA, text + "\n" + _line(ANA.name, ANA.id + log_ana.signature(text))
    yield "cosignature in the place of a log's signature", log_ana, text + "\n" + ANA.line(text)
    yield "cosignature under the id of a log's key", log_ana, text + "\n" + _line(ANA.name, log_ana.id + signature)


def _bad_vkeys() -> Iterator[tuple[str, str]]:
    name, id_, data = RIVER.vkey.split("+", 2)

    def made(name: str, type_and_key: bytes) -> str:
        """Return a key's text whose id is right for what it holds."""
        id_ = sha256(name.encode() + b"\n" + type_and_key).hexdigest()[:8]
        return f"{name}+{id_}+{_base64(type_and_key)}"

    yield "nothing", ""
    yield "a name alone", name
    yield "no key", f"{name}+{id_}"
    yield "an empty key", f"{name}+{id_}+"
    yield "another id", f"{name}+{HILL.id.hex()}+{data}"
    yield "another name", f"x{name}+{id_}+{data}"
    yield "an id of seven digits", f"{name}+{id_[:-1]}+{data}"
    yield "an id that is no number", f"{name}+river123+{data}"
    yield "a key of 31 bytes", made(name, b"\x01" + RIVER.public[:31])
    yield "a key of 33 bytes", made(name, b"\x01" + RIVER.public + b"\x00")
    yield "a type and no key", made(name, b"\x01")
    yield "an unknown type", made(name, b"\x7f" + RIVER.public)
    yield "no type", made(name, RIVER.public)
    yield "a name with a space", made("river example", b"\x01" + RIVER.public)
    yield "no name", made("", b"\x01" + RIVER.public)
    yield "base64 that is none", f"{name}+{id_}+{data[:-2]}!!"
    yield "a signing key", RIVER.skey


def _bad_checkpoints() -> Iterator[tuple[str, str]]:
    good = ("river.example/log", "4711", _ROOT)
    yield "nothing", ""
    yield "two lines", "river.example/log\n4711\n"
    yield "no newline at the end", "\n".join(good)
    yield "no origin", f"\n4711\n{_ROOT}\n"
    for size in ("", "-1", "+1", "04711", "00", "4711 ", " 4711", "4.7e3", "0x1267", "４７", "99999999999999999999"):
        yield f"a size of `{size}`", f"river.example/log\n{size}\n{_ROOT}\n"
    for what, root in (("31 bytes", bytes(31)), ("33 bytes", bytes(33)), ("no bytes", b"")):
        yield f"a root of {what}", f"river.example/log\n4711\n{_base64(root)}\n"
    yield "a root without padding", f"river.example/log\n4711\n{_ROOT.rstrip('=')}\n"
    yield "a root whose last bits are not zero", f"river.example/log\n4711\n{_base64(bytes(32))[:-2]}B=\n"
    yield "a root in hexadecimal", f"river.example/log\n4711\n{sha256(b'root').hexdigest()}\n"
    yield "an empty extension line", _CHECKPOINT + "\nextension\n"
    yield "an empty line at the end", _CHECKPOINT + "\n"
