"""What brokers say, broken at random, against a session: a bounded number in the tests, and as many as one likes by hand.

python -m tests.unit.gateway.core.mqtt.mutated_streams 400000 some-seed
"""

from __future__ import annotations

import sys
from collections import Counter
from random import Random

import mqtt5
from mqtt5 import PublishPacket, QoS, SubAckReasonCode

from gateway.core.mqtt.session import ConnectionState, MqttSession
from gateway.core.mqtt.settings import SessionSettings
from tests.unit.gateway.core.mqtt.playbook import MARK, NONCE, message, packets, puback

LARGEST_BYTES = 200
LONGEST_HEAD_BYTES = 5 + 2 + 65_535 + 2
LISTENING = SessionSettings(
    client_id="gw", filters=("s/#",), marker_prefix="sluice", largest_packet_bytes=LARGEST_BYTES, unacknowledged_bound=8
)
PUBLISHING = SessionSettings(client_id="gw", largest_packet_bytes=LARGEST_BYTES)
KINDS = {"connections", "refused", "malformed", "protocol_error", "oversized", "taken_over", "sessions_lost", "lost"}
KINDS |= {"filters_refused", "unknown_puback", "publish_refused", "connect_timeouts", "ping_timeouts"}


def conversation(random: Random) -> list[bytes]:
    """Return the packets of an ordinary connection, or of one that is about to end."""
    said = [
        mqtt5.ConnAckPacket(session_present=random.random() < 0.5, receive_max=5, reason_str="welcome").write(),
        mqtt5.SubAckPacket(1, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 2).write(),
        puback(2),
        message(MARK, NONCE, 4),
    ]
    for packet_id in range(10, 10 + random.randrange(12)):
        size = 100_000 if random.random() < 0.02 else random.choice((0, 10, 150, 1000))
        said.append(
            random.choice(
                (
                    message("s/1", bytes(size), packet_id),
                    message("s/2", bytes(size), packet_id, duplicate=True),
                    message("s/3", bytes(size)),
                    PublishPacket("s/4", b"x", qos=QoS.AT_LEAST_ONCE, packet_id=packet_id, user_properties=[("k", "v")]).write(),
                    mqtt5.PingRespPacket().write(),
                    mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write(),
                )
            )
        )
    return said


def mutated(random: Random) -> bytes:
    """Return a conversation with packets dropped, repeated and moved, and bytes changed, added and cut."""
    said = conversation(random)
    for _ in range(random.randrange(3)):
        at, other = random.randrange(len(said)), random.randrange(len(said))
        said[at : at + 1] = random.choice(([], [said[at]] * 2, [said[other]], [said[at], said[other]]))
        if not said:
            break
    data = bytearray(b"".join(said))
    for _ in range(random.randrange(5)):
        at = random.randrange(len(data) + 1)
        match random.randrange(5):
            case 0 if data:
                data[at % len(data)] = random.randrange(256)
            case 1 if data:
                data[at % len(data)] ^= 1 << random.randrange(8)
            case 2:
                data[at:at] = random.choice((b"\xff\xff\xff\x7f", b"\x00", random.randbytes(random.randrange(1, 9))))
            case 3:
                del data[at : at + random.randrange(1, 9)]
            case _:
                del data[at:]
    return bytes(data)


def withstand(random: Random) -> Counter[str]:
    """Play a broken conversation to a session and check what has to hold whatever is said; return its counters.

    Raises: AssertionError: something does not hold.
    """
    settings = random.choice((LISTENING, PUBLISHING))
    session, now_s = MqttSession(settings), 0.0
    data = mutated(random)
    written = [session.open(now_s, NONCE)]
    longest = random.choice((3, 50, 5000)) if len(data) < 20_000 else 5000
    frames = 0
    while data:
        piece, data = data[: (length := random.randint(1, longest))], data[length:]
        now_s += random.choice((0, 0, 0.4))
        written += [session.feed(piece, now_s), session.tick(now_s)]
        if random.random() < 0.2 and (sent := session.try_publish("city", b"bundle")) is not None:
            written.append(sent[1])
        # Beside the inbox it keeps no more than the largest packet that it reads, or the topic of a message that it skips.
        assert len(session._here.inbound._partial) <= max(LARGEST_BYTES, LONGEST_HEAD_BYTES) + longest
        if random.random() < 0.5:
            while session.inbox:
                while session.inbox.take_event() is not None:
                    pass
                taken = session.inbox.take_frames(100)
                frames += len(taken)
                if taken:
                    written.append(session.acknowledge([frame.packet_id for frame in taken], taken[0].generation))
    frames += len(session.inbox.frames)
    assert settings.subscribes or frames == 0
    packets(b"".join(written))  # all that it says is MQTT
    assert session.counters.keys() <= KINDS, session.counters
    if session.state is ConnectionState.CLOSED:
        assert session.feed(message("s/1", b"late", 1), now_s) == b""
    session.lost("cut")
    assert session.state is ConnectionState.CLOSED
    assert session.open(now_s, NONCE)
    return session.counters


def run(count: int, seed: str) -> Counter[str]:
    """Withstand so many, and return how often each end was met.

    Raises: AssertionError: one was not withstood; its note says which.
    """
    total: Counter[str] = Counter()
    for number in range(count):
        name = f"{seed}-{number}"
        try:
            total += withstand(Random(name))
        except BaseException as error:
            error.add_note(f"stream {name}")
            raise
    return total


if __name__ == "__main__":
    print(run(int(sys.argv[1]), sys.argv[2]))
