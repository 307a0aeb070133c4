"""A pytest plugin for runs that only have to fail: the same examples each time, and no search for the smallest that fails."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile("first failure", phases=(Phase.explicit, Phase.generate), derandomize=True, report_multiple_bugs=False)
settings.load_profile("first failure")
