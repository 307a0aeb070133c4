"""A witness for other gateways' logs: it cosigns a checkpoint when the log has only grown since the last one.

Any institution can run one on a small box. It judges by `gateway.audit.log.submission` and needs, beside that, nothing of the
gateway: Python and `cryptography` are enough for `python -m gateway.witness`.
"""
