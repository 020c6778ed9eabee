"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A deadline measures the machine and what else it does, not the code.
settings.register_profile("discorank", deadline=None)
settings.load_profile("discorank")
