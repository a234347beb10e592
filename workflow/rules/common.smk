# What every rule shares: the plan made from the config, the command, and where things go.
import shlex
import sys

from ohmics.plan import load_plan

# A config given with --configfile is the whole config: nothing of a default one is mixed into it.
PLAN = load_plan(
    workflow.overwrite_configfiles[-1]
    if workflow.overwrite_configfiles
    else "config/config.yaml"
)
OUT = PLAN.config["outdir"]
OHMICS = f"{shlex.quote(sys.executable)} -m ohmics"


wildcard_constraints:
    sample=r"[A-Za-z0-9][A-Za-z0-9._-]*",


rule samples:
    input:
        sheet=PLAN.config["input"]["samples"],
        matrices=PLAN.matrices,
    output:
        f"{OUT}/samples.tsv",
    log:
        f"{OUT}/logs/samples.log",
    benchmark:
        f"{OUT}/benchmarks/samples.tsv"
    params:
        settings=PLAN.settings("samples"),
        code=PLAN.digest("samples"),
    resources:
        mem_mb=PLAN.memory("samples"),
    threads: 1
    priority: 100
    message:
        "looking into every input"
    shell:
        "{OHMICS} samples --settings {params.settings:q} --out {output:q} >{log:q} 2>&1"


rule pairs:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
    output:
        f"{OUT}/pairs.tsv",
    log:
        f"{OUT}/logs/pairs.log",
    benchmark:
        f"{OUT}/benchmarks/pairs.tsv"
    params:
        settings=PLAN.settings("pairs"),
        code=PLAN.digest("pairs"),
    resources:
        mem_mb=PLAN.memory("pairs"),
    threads: 1
    message:
        "pairing the usable samples"
    shell:
        "{OHMICS} pairs --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --out {output:q} >{log:q} 2>&1"


rule lists:
    input:
        mechanisms=PLAN.mechanisms,
        user=PLAN.user_lists,
        samples=f"{OUT}/samples.tsv",
    output:
        f"{OUT}/gene_lists.json",
    log:
        f"{OUT}/logs/lists.log",
    benchmark:
        f"{OUT}/benchmarks/lists.tsv"
    params:
        settings=PLAN.settings("lists"),
        code=PLAN.digest("lists"),
    resources:
        mem_mb=PLAN.memory("lists"),
    threads: 1
    message:
        "choosing the gene lists"
    shell:
        "{OHMICS} lists --settings {params.settings:q} --samples {input.samples:q} --out {output:q} >{log:q} 2>&1"
