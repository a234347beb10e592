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
# These two make something only where the config names it.
include: "workflow/rules/junctions.smk"
include: "workflow/rules/association.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        f"{OUT}/reports/qc.html",
        f"{OUT}/reports/signatures.html",
        f"{OUT}/tables/skipped.tsv",
