"""How hypothesis searches: the same examples in every run, so that a red test is red for everybody.

`HYPOTHESIS_PROFILE=search` looks at many new examples instead; a failure prints what reproduces it.
"""

from __future__ import annotations

import os

from hypothesis import settings


def load_profile() -> None:
    """Choose the profile for the whole run."""
    settings.register_profile("dojo", derandomize=True, database=None, deadline=None, print_blob=True)
    settings.register_profile("search", parent=settings.get_profile("dojo"), derandomize=False, max_examples=1000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dojo"))
