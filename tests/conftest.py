"""Tests work everything out: what another run of another state of the code kept is none of theirs."""

import os

os.environ.setdefault("PARITY_NO_CACHE", "1")
