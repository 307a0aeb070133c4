"""SenML (RFC 8428) in JSON and in CBOR: the rules of packs, the records that a profile names, and both ways of writing them."""
