# ohmics: resistance signatures from pre- and post-relapse expression data.
#   snakemake --configfile config/config.yaml --cores 2
#   ohmics run config/config.yaml --cores 2        (the same, with the messages meant for people)
from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"
include: "workflow/rules/intake.smk"


if PLAN.modality == "single_cell":

    include: "workflow/rules/single_cell.smk"
    include: "workflow/rules/malignant.smk"
    include: "workflow/rules/states.smk"

else:

    include: "workflow/rules/bulk.smk"
    include: "workflow/rules/bulk_calls.smk"


include: "workflow/rules/signatures.smk"
include: "workflow/rules/junctions.smk"  # only where the config names them
include: "workflow/rules/association.smk"  # likewise
include: "workflow/rules/report.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/export.smk"


rule all:
    # A workflow that uses this one as a module has a default of its own.
    default_target: "ohmics_config" not in config
    input:
        WANTED,
