"""What the machine tells of the gateway, from a kernel's files as they are; what is not told is not made up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config import Installation, load_config
from gateway.watching.machine import Machine

_IO = "rchar: 9\nwchar: 8\nsyscr: 7\nsyscw: 6\nread_bytes: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 3\n"


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """An installation with a state folder and nothing in it."""
    file = tmp_path / "gateway.toml"
    file.write_text('gateway = "g"\n[broker]\nfilters = ["t/#"]\n')
    (tmp_path / "state").mkdir()
    return load_config(file)


def test_files_are_measured(place: Installation, tmp_path: Path) -> None:
    """Of each what lies there; nothing lies there before the first start."""
    machine = Machine(place)
    assert (machine.reserve(), machine.database(), machine.write_ahead_log()) == (0, 0, 0)
    for name, size in (("ballast", 5), ("sluice.db", 7), ("sluice.db-wal", 11)):
        (tmp_path / "state" / name).write_bytes(bytes(size))
    assert (machine.reserve(), machine.database(), machine.write_ahead_log()) == (5, 7, 11)


def test_disks_of_state_and_log_are_told_as_far_as_they_are_there(place: Installation, tmp_path: Path) -> None:
    """A log on a disk that is not mounted is not taken for one without space."""
    free, size = Machine(place).disks()
    assert free.keys() == size.keys() == {"state"}
    (tmp_path / "state" / "log").mkdir()
    free, size = Machine(place).disks()
    assert free.keys() == size.keys() == {"state", "log"}
    assert 0 < free["state"] <= size["state"]


def test_kernel_tells_memory_files_and_bytes_written(place: Installation, tmp_path: Path) -> None:
    """Of this process, and of the disk under the state folder by its numbers."""
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    (proc / "fd").mkdir(parents=True)
    for name in ("0", "1", "2"):
        (proc / "fd" / name).touch()
    (proc / "statm").write_text("1000 20 3 4 0 5 0\n")
    (proc / "io").write_text(_IO)
    device = os.stat(place.state).st_dev
    disk = sys / f"{os.major(device)}:{os.minor(device)}"
    disk.mkdir(parents=True)
    (disk / "stat").write_text("  100 0 800 5 200 0 16 7 0 8 9\n")
    machine = Machine(place, proc, sys)
    assert machine.memory() == 20 * os.sysconf("SC_PAGE_SIZE")
    assert machine.open_files() == 3
    assert machine.written() == 4096
    assert machine.disk_written() == 16 * 512


def test_what_the_kernel_hides_is_unknown(place: Installation, tmp_path: Path) -> None:
    """As in a confined service, or on a disk that is no block device."""
    machine = Machine(place, tmp_path / "hidden", tmp_path / "hidden")
    assert (machine.memory(), machine.open_files(), machine.written(), machine.disk_written()) == (None, None, None, None)


def test_this_process_is_measured_by_the_real_kernel(place: Installation) -> None:
    """The files are where and as they are taken to be."""
    machine = Machine(place)
    assert (machine.memory() or 0) > 1_000_000
    assert (machine.open_files() or 0) >= 3
    assert machine.written() is not None
