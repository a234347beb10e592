"""`python -m ohmics` is the `ohmics` command."""

import sys

from ohmics.cli import main

sys.exit(main())
