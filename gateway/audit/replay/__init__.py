"""Replay: the release decisions of a log, made again from the recorded policies and consents."""
