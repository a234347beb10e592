# What every rule shares: the plan made from the config, the command, and where things go.
import shlex
import sys
from pathlib import Path

from ohmics.plan import load_plan
from ohmics.plan_paths import part_folder

# A config given with --configfile is the whole config: nothing of a default one is mixed into it.
PLAN = load_plan(
    workflow.overwrite_configfiles[-1]
    if workflow.overwrite_configfiles
    else "config/config.yaml"
)
OUT = PLAN.config["outdir"]
# The `ohmics` beside the Python that runs snakemake is found also where no environment was activated.
shell.prefix(
    f'set -euo pipefail; export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"; '
)


wildcard_constraints:
    sample=r"[A-Za-z0-9][A-Za-z0-9._-]*",
