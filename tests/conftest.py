"""What all tests share."""

from __future__ import annotations

import os

import hypothesis

# No deadline: a busy machine is no failure. CI draws the same examples every time.
hypothesis.settings.register_profile("ttx", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("ttx")
