"""Changes of who may see what: policies, consents, subjects, devices and erasure, each taking effect at once."""
