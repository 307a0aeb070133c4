"""Examples of a device class: messages with the readings that they must give, tried by the very steps that the gateway takes."""
