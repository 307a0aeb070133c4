"""What the kernel tells of a connection that nobody reads."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway.edge.unread import UnreadBytes, give_up_after, hung_up


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, ours first."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as theirs,
    ):
        yield ours, theirs


def test_came_tells_of_bytes_that_nobody_has_read(ends: tuple[socket.socket, socket.socket]) -> None:
    """The first look has nothing to compare with; then each look tells of what came since the one before."""
    ours, theirs = ends
    unread = UnreadBytes()
    looks = [unread.came(ours.fileno()), unread.came(ours.fileno())]
    theirs.sendall(b"\xd0\x00")
    ours.recv(1, socket.MSG_PEEK)
    assert [*looks, unread.came(ours.fileno()), unread.came(ours.fileno())] == [None, False, True, False]
    unread.forget()
    assert unread.came(ours.fileno()) is None


def test_came_does_not_tell_where_the_socket_may_be_full(ends: tuple[socket.socket, socket.socket]) -> None:
    """No answer can come in behind so much: its absence proves nothing."""
    ours, theirs = ends
    unread = UnreadBytes()
    theirs.sendall(bytes(5000))
    while len(ours.recv(5000, socket.MSG_PEEK)) < 5000:
        pass
    assert [unread.came(ours.fileno()), unread.came(ours.fileno())] == [None, None]


@pytest.mark.parametrize("unread", [b"", bytes(3000)])
def test_hung_up_tells_of_the_end_whatever_is_unread(ends: tuple[socket.socket, socket.socket], unread: bytes) -> None:
    """It is seen past what lies before it."""
    ours, theirs = ends
    theirs.sendall(unread)
    assert not hung_up(ours.fileno())
    theirs.close()
    if not unread:
        ours.recv(1)
    while len(ours.recv(3000, socket.MSG_PEEK)) < len(unread):
        pass
    while not hung_up(ours.fileno()):
        pass


def test_give_up_after_sets_what_the_kernel_waits(ends: tuple[socket.socket, socket.socket]) -> None:
    """In milliseconds, on the connection itself."""
    give_up_after(ends[0].fileno(), 1.5)
    assert ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1500
