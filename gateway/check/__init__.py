"""What `sluice check` finds beyond what the gateway refuses to read: terms of other standards, folders, keys, ports, brokers."""
