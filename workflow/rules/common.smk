# What every rule shares: the plan made from the config, the command, and where things go.
import shlex
import sys
from pathlib import Path

from ohmics.plan import load_plan
from ohmics.plan_paths import part_folder
from ohmics.run_lock import hold_folder, is_held_by_parent

# A config given with --configfile is the whole config: nothing of a default one is mixed into it. A workflow that
# uses this one as a module names the file: `config: {"ohmics_config": "path/to/config.yaml"}`.
PLAN = load_plan(
    config["ohmics_config"]
    if "ohmics_config" in config
    else (
        workflow.overwrite_configfiles[-1]
        if workflow.overwrite_configfiles
        else "config/config.yaml"
    )
)
OUT = PLAN.config["outdir"]
# The `ohmics` beside the Python that runs snakemake is found also where no environment was activated. Snakemake gives a
# rule of two threads two BLAS threads, which sum in another order: results would depend on the number of cores.
shell.prefix(
    f'set -euo pipefail; export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    " OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1; "
)


# Kept open while snakemake runs: two runs that write to one folder would mix, wherever they are started.
_HELD = []


onstart:
    if workflow.is_main_process and not is_held_by_parent(OUT):
        _HELD.append(hold_folder(OUT))


# First words of `snakemake --report`.
report: "../report/workflow.rst"


wildcard_constraints:
    sample=r"[A-Za-z0-9][A-Za-z0-9._-]*",
