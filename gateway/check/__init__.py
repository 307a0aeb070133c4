"""What `sluice check` finds beyond what the gateway itself refuses to read: terms of other standards, folders, keys, ports."""
