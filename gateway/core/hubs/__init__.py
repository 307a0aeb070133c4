"""Devices that a topic alone does not name: behind a hub, or publishing to several topics that a filter holds together."""
