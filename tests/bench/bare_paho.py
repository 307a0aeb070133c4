"""A bare paho subscriber, as a program: receives so many messages at QoS 1, does nothing with them, and waits to be ended.

    python bare_paho.py PORT CLIENT_ID FILTER COUNT

It prints a line when the last has come.
"""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def receive(port: int, client_id: str, pattern: str, count: int) -> None:
    """Return when ``count`` messages have come."""
    left = count

    def on_connect(client: paho.Client, *_: Any) -> None:
        client.subscribe(pattern, qos=1)

    def on_message(client: paho.Client, _userdata: Any, _message: paho.MQTTMessage) -> None:
        nonlocal left
        left -= 1
        if not left:
            client.disconnect()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.on_connect = on_connect
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    receive(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
    print("received", flush=True)
    sys.stdin.read()  # so that what ending an interpreter costs isn't counted
