"""Policy cases: what a city expects its policies to decide, written beside them in `*.cases.toml` and tested."""
