"""Tests of `gateway/edge/keys`."""
