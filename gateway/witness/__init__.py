"""A witness for other gateways' logs: it cosigns a checkpoint if the log has only grown since the last one.

Any institution can run one on a small box. It decides by `gateway.audit.log.submission` and needs hardly anything else of the
gateway: Python, `cryptography` and `h11` are enough for `python -m gateway.witness`.
"""
