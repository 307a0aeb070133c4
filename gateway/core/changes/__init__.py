"""Changes of who may see what: policies, consents, subjects, devices and erasure, each in force at once."""
