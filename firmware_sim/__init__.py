"""The simulated city: devices with daily rhythms that write their own messages, right or wrong, and publish them over MQTT.

It shares no line with the gateway, so that a misreading of a format on either side shows.
"""
