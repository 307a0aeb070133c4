"""The logs on which every verifier must agree: ours, the one that rides in exports, and the one in Go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from gateway.audit.log.cosignature import Cosigner, with_signatures
from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import sign_note, split_note
from gateway.audit.log.reader import FileError
from tests.support.log import SIGNER, START_MS, SampleLog, sample

COSIGNERS = tuple(Cosigner(f"witness-{n}.example/w", bytes([n]) * 32) for n in (1, 2, 3))
COSIGNED_S = 1_790_000_100


class MemorySource:
    """The files of a log in memory, which counts what is read."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.reads: list[str] = []

    @classmethod
    def of(cls, folder: Path) -> MemorySource:
        """Return the files of a folder."""
        return cls({str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()})

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes."""
        self.reads.append(path)
        if path not in self.files:
            raise FileError(path, "absent")
        return self.files[path][: longest_bytes + 1]

    def names(self, path: str) -> list[str]:
        """Return the names in a folder."""
        return sorted({name[len(path) + 1 :].split("/")[0] for name in self.files if name.startswith(f"{path}/")})

    def paths(self) -> Iterator[str]:
        """Return the paths of all files."""
        return iter(self.files)


def publish_quickly(log: SampleLog) -> None:
    """Publish a log without forcing a single file to the disk."""
    for path, data in log.writer.files_since(log.published).items():
        (log.log.path / path).parent.mkdir(parents=True, exist_ok=True)
        (log.log.path / path).write_bytes(data)
    (log.log.path / "checkpoint").write_bytes(sign_note(log.writer.checkpoint().text(), SIGNER))
    log.published = log.writer.size


def grown(folder: Path, size: int, steps: Sequence[int] = ()) -> SampleLog:
    """Return a log of so many entries of the plainest kind, published at those sizes on the way."""
    log = SampleLog(folder)
    for end in (*steps, size):
        grow(log, end)
    return log


def grow(log: SampleLog, size: int, commitment: bytes = bytes(32)) -> None:
    """Let a log grow to so many entries of the plainest kind, and publish it."""
    while log.writer.size < size:
        kind = Kind.ACCOUNT if log.writer.size else Kind.GENESIS
        log.writer.append(log.chain.make(kind, START_MS + log.writer.size, commitment).encode())
    publish_quickly(log)


def cosign(log: SampleLog, cosigners: Sequence[Cosigner] = COSIGNERS) -> None:
    """Put the witnesses' lines into a log's checkpoint."""
    file = log.log.path / "checkpoint"
    note = file.read_bytes()
    text = split_note(note)[0]
    file.write_bytes(with_signatures(note, [one.cosign(text, COSIGNED_S) for one in cosigners]))


def policy_text(quorum: str, cosigners: Sequence[Cosigner] = COSIGNERS, *, vkey: str | None = None) -> str:
    """Return a policy file of these witnesses, of whom `quorum` (`all`, `any` or a number) must have cosigned."""
    lines = [f"log {vkey}"] if vkey else []
    lines += [f"witness w{n} {one.vkey()}" for n, one in enumerate(cosigners, 1)]
    lines += [f"group all-of-them {quorum} {' '.join(f'w{n}' for n in range(1, len(cosigners) + 1))}", "quorum all-of-them"]
    return "".join(f"{line}\n" for line in lines)


def _cosigned(folder: Path) -> SampleLog:
    log = sample(folder)
    cosign(log)
    return log


LOGS: Mapping[str, Callable[[Path], SampleLog]] = {
    "empty": lambda folder: grown(folder, 0),
    "one": lambda folder: grown(folder, 1),
    "every kind": sample,
    "cosigned": _cosigned,
    "255": lambda folder: grown(folder, 255, (1, 7)),
    "256": lambda folder: grown(folder, 256, (200,)),
    "257": lambda folder: grown(folder, 257, (256,)),
    "700": lambda folder: grown(folder, 700),
}


LARGE: Mapping[str, Callable[[Path], SampleLog]] = {
    "65536": lambda folder: grown(folder, 65_536),
    "66000": lambda folder: grown(folder, 66_000),
}
