"""The gateway's own keys: made once by `sluice keys init`, loaded at start, and everything that is derived from them.

    root.key   32 random bytes, mode 0600; root-<id>.kept beside it, sealed by it: what of the roots before it is still needed
      ├─ HKDF ─► state key ─► `Sealer`: rows and journal keys at rest; `lookup_hash`: finds the rows
      └─ HKDF ─► device keys, one for each device: never stored; a device's is of the root that it was registered under
    log.skey   the log's Ed25519 key in the text form of a note key, mode 0600; log.vkey its public half
    log-next.skey   while the log is handed over: the key that comes after it

A subject's secret, content keys and pseudonym keys are random and derived from none of these: what is deleted stays deleted.
"""
