"""An MQTT 5 client session as a state machine: bytes in, events and bytes out, no socket and no clock."""
