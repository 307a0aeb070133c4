"""A small HTTP server for callers who are not trusted: a witness answers strangers by it, and a gateway its operator's tools."""
