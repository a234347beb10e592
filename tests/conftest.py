"""Property tests: new examples at every run of a developer, the same ones in CI, where a failure is the change's."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
