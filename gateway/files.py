"""Files written so that a power cut takes nothing back, and files that hold a secret, which nobody else may read.

The first are whole or not at all, forced to the disk with the names that lead there. The second are made with mode 0600 and
never over another file. Neither goes into another user's folder where a command asks first (``refuse_anothers``). An edge
without dependencies, shared by all who keep files: the log's publisher, witnesses, recipients and the gateway's state.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import secrets
import shlex
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Final

SECRET_MODE: Final = 0o600
PUBLIC_MODE: Final = 0o644
_MAX_BYTES: Final = 65_536


class SecretFileError(ValueError):
    """A key file that cannot be made or must not be used. The text is one line and names the file."""


class AnothersFolderError(Exception):
    """A command would write into a folder of another user, whose own programs could not use what it leaves there.

    Attributes:
        folder: The folder.
        uid: Whose it is.
    """

    def __init__(self, folder: Path, uid: int) -> None:
        """Take the folder and its owner."""
        self.folder, self.uid = folder, uid
        super().__init__(
            f"`{folder}`: belongs to `{user_name(uid)}`, who could not use what `{user_name(os.geteuid())}` leaves there"
        )

    def line(self, words: Sequence[str]) -> str:
        """Return what is wrong, and the command to type instead of one that was typed."""
        return f"{self}; type `{as_user(self.uid, words)}`"


def user_name(uid: int) -> str:
    """Return a user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def as_user(uid: int, words: Sequence[str]) -> str:
    """Return the line that runs a command as a user: for root with `runuser`, for anybody else with `sudo`."""
    name = user_name(uid)
    if os.geteuid():
        return shlex.join(["sudo", "-u", name if name != str(uid) else f"#{uid}", "--", *words])
    if name == str(uid):
        return shlex.join(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", *words])
    return shlex.join(["runuser", "-u", name, "--", *words])


def refuse_anothers(path: Path, *, for_reader: bool = False) -> None:
    """Refuse to write into a folder of another user, before anything is written.

    Root may write everywhere, but what it leaves in the folder of a service is root's, and stops the service. Anybody else is
    refused only what the system would refuse as well, to be told what to type.

    Args:
        path: What is to be written: a folder, or a file in one. Whose the file is counts where it is there; where folders are
            missing, the nearest that exists.
        for_reader: It is for whoever typed the command, who may have become root with `sudo` to write into their own folder.
    Raises: AnothersFolderError: the folder is another user's.
    """
    nearest = next(each for each in (path.absolute(), *path.absolute().parents) if os.path.lexists(each))
    folder = nearest if os.path.isdir(nearest) else nearest.parent
    owner, user = (nearest if os.path.exists(nearest) else folder).stat().st_uid, os.geteuid()
    typed_by = os.environ.get("SUDO_UID") if for_reader and user == 0 else None
    if owner == user or typed_by == str(owner):
        return
    if user == 0 or (owner != 0 and not os.access(folder, os.W_OK)):
        raise AnothersFolderError(folder, owner)


def reason_of(error: OSError) -> str:
    """Return in a few words why the system refused, as errors say it behind the name of a file."""
    return (error.strerror or str(error)).lower()


def unusable(folder: Path, error: OSError, mode: str = "0700") -> str:
    """Return why a folder cannot be used and, where this user lacks the right, what root can type to make it this user's."""
    if error.errno not in (errno.EACCES, errno.EPERM) or os.geteuid() == 0:
        return reason_of(error)
    made = shlex.join(["install", "-d", "-o", user_name(os.geteuid()), "-m", mode, str(folder)])
    return f"{reason_of(error)}; as root type `{made}`"


def replace_file(target: Path, data: bytes, mode: int | None = None) -> None:
    """Put a file in place whole, its content on the disk; its folder is left to the caller to force.

    Args:
        target: Where it goes, in place of any of that name.
        data: All of it.
        mode: Its permissions, whatever the umask; None leaves them to the umask.
    Raises: OSError: it could not be; what was there before is there still.
    """
    replace_file_by(target, (data,), mode)


def replace_file_by(target: Path, pieces: Iterable[bytes], mode: int | None = None) -> None:
    """Put a file in place as ``replace_file`` does, of content that comes piece by piece."""
    draft = target.with_name(f".{target.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.writelines(pieces)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, target)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()  # half a file on a full disk only takes the room that is missing
        raise


def write_whole(target: Path, data: bytes, mode: int | None = None) -> None:
    """Put a file in place as ``replace_file`` does, and force its folder too."""
    replace_file(target, data, mode)
    sync_folder(target.parent)


def replace_secret(target: Path, data: bytes) -> None:
    """Put a secret file in place whole and durable, and overwrite what lay there before: bytes without a name stay in free space.

    More than that no program can do: flash memory, and some file systems, write elsewhere and keep the older blocks for a while.

    Raises: OSError: the disk failed; without room for the new file, what was there before is there still.
    """
    if not os.path.lexists(target):
        write_whole(target, data, SECRET_MODE)
        return
    with _open_to_overwrite(target) as former:
        write_whole(target, data, SECRET_MODE)
        _overwrite(former)


def destroy_secret(path: Path) -> None:
    """Overwrite a secret file, as far as a program can, and delete it; to force its folder is left to the caller.

    Raises: OSError: the disk failed.
    """
    if not path.is_symlink():  # behind one lies a file that is somebody else's to destroy
        with _open_to_overwrite(path) as file:
            _overwrite(file)
    path.unlink()


def _open_to_overwrite(path: Path) -> IO[bytes]:
    path.chmod(SECRET_MODE)  # whoever is careful takes the right to write a key from themselves
    return path.open("r+b")


def _overwrite(file: IO[bytes]) -> None:
    file.write(bytes(os.fstat(file.fileno()).st_size))
    file.flush()
    os.fsync(file.fileno())


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, each durable: what is synced in a folder that a power cut takes away is lost with it."""
    if not folder.is_dir():
        make_folder(folder.parent, mode)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's listing to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_file(path: Path, data: bytes, mode: int = SECRET_MODE) -> None:
    """Write a new file durably: whole or not at all, and never over an existing one.

    Raises:
        SecretFileError: If something of that name exists already, or the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)  # whatever the umask
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, a link never replaces
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise SecretFileError(f"`{path}`: exists already, and keys are never overwritten") from error
    except OSError as error:
        raise SecretFileError(f"`{path}`: cannot be written: {reason_of(error)}") from error


def _open_unblocked(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a pipe could block for ever


def read_regular(path: str | Path, most_bytes: int) -> bytes:
    """Return all bytes of a regular file; pipes and devices, which could keep their reader for ever, are refused unread.

    Raises: OSError: it is absent, no regular file, or longer than that; the error names it.
    """
    with open(path, "rb", opener=_open_unblocked) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        data = file.read(most_bytes + 1) or b""  # none of it yet, as the kernel's own say
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"longer than {most_bytes} bytes", str(path))
    return data


def read_secret_file(path: Path, forbidden: int = 0o077) -> bytes:
    """Return a secret file's bytes.

    Args:
        path: The file.
        forbidden: The rights that it must not give: any to group and others.

    Raises:
        SecretFileError: If the file is absent, a symbolic link or no regular file, or gives such rights.
    """
    try:
        if path.is_symlink():
            raise SecretFileError(f"`{path}`: is a symbolic link; name the key file itself")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with contextlib.closing(os.fdopen(descriptor, "rb")) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretFileError(f"`{path}`: is not a regular file")
            mode = stat.S_IMODE(status.st_mode)
            if mode & forbidden:
                raise SecretFileError(f"`{path}`: mode `{mode:04o}` lets others read it; run `chmod 0600 {path}`")
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise SecretFileError(f"`{path}`: {_unreadable(path, error)}") from error


def _unreadable(path: Path, error: OSError) -> str:
    """Return why a secret file cannot be read and, where it is another user's, what root can type to change that."""
    if error.errno != errno.EACCES:
        return f"cannot be read: {reason_of(error)}"
    kept = next((each for each in (*reversed(path.absolute().parents), path.absolute()) if not _may_pass(each)), path)
    owner, user = user_name(os.stat(kept).st_uid), user_name(os.geteuid())
    give = shlex.join(["chown", *(["-R"] if os.path.isdir(kept) else []), f"{user}:", str(kept)])
    whose = f"`{kept}` belongs to `{owner}`, and this is `{user}`"
    return f"cannot be read: {whose}; type the command as `{owner}`, or as root `{give}` where it is to be `{user}`'s"


def _may_pass(path: Path) -> bool:
    """Return whether this user may go through a folder, or read a file."""
    return os.access(path, os.X_OK if os.path.isdir(path) else os.R_OK)
