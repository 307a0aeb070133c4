"""Replay: the release decisions of a log, reached once more from the recorded policies and consents."""
