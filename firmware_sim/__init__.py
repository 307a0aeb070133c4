"""The simulated city: devices with daily rhythms that encode their own messages, valid or faulty, and publish them over MQTT.

It shares no code with the gateway, so that a misreading of a format on either side shows.
"""
