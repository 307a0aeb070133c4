"""Examples of a device profile: messages and the readings that they must give, tried by the very steps that the gateway takes."""
