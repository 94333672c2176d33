"""Tests work everything out: what another run of another state of the code kept is none of theirs.

Properties are tried on the same examples in every run, so that a red suite is red for the next reader too;
`HYPOTHESIS_PROFILE=random` tries others each time (https://hypothesis.readthedocs.io/en/latest/reference/api.html).
"""

import os

from hypothesis import settings

os.environ.setdefault("PARITY_NO_CACHE", "1")
settings.register_profile("same", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
