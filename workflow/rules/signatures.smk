# From scores and summed counts to evidence; the same for single-cell and bulk.
SINGLE_CELL = PLAN.modality == "single_cell"
COUNTS = f"{OUT}/counts/pseudobulk.h5ad" if SINGLE_CELL else f"{OUT}/counts/bulk.h5ad"
# Further tables that evidence weighs, `ohmics evidence --NAME PATH`. A stage adds what it makes in this kind of run:
# antigen, presentation, lineage, car, malignant, association.
EVIDENCE_TABLES = {}
if SINGLE_CELL:
    EVIDENCE_TABLES |= {
        "antigen": f"{OUT}/tables/antigen.tsv",
        "presentation": f"{OUT}/tables/antigen_presentation.tsv",
        "lineage": f"{OUT}/tables/lineage.tsv",
        "car": f"{OUT}/tables/car.tsv",
        "malignant": f"{OUT}/tables/malignant.tsv",
    }
else:
    EVIDENCE_TABLES["antigen"] = f"{OUT}/tables/antigen.tsv"
if PLAN.config["outcomes"]:
    EVIDENCE_TABLES["association"] = f"{OUT}/tables/association.tsv"

COLLECTIONS = " ".join(
    f"--collection {shlex.quote(f'{name}={path}')}"
    for name, path in PLAN.collections.items()
)


rule compare:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        scores=f"{OUT}/tables/scores.tsv",
        lists=f"{OUT}/gene_lists.json",
        cells=[f"{OUT}/tables/cells.parquet"] if SINGLE_CELL else [],
        content=[] if SINGLE_CELL else [f"{OUT}/tables/content.tsv"],
    output:
        effects=f"{OUT}/tables/effects.tsv",
        composition=f"{OUT}/tables/composition.tsv",
        skipped=f"{OUT}/skipped/compare.tsv",
    log:
        f"{OUT}/logs/compare.log",
    benchmark:
        f"{OUT}/benchmarks/compare.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("compare"),
    params:
        settings=PLAN.settings("compare"),
        cells=lambda wildcards, input: f"--cells {input.cells}" if input.cells else "",
        content=lambda wildcards, input: (
            f"--content {input.content}" if input.content else ""
        ),
        code=PLAN.digest("compare"),
    message:
        "comparing scores within patients"
    shell:
        "ohmics compare --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --scores {input.scores:q} --lists {input.lists:q} {params.cells} {params.content} --out-effects {output.effects:q}"
        " --out-composition {output.composition:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule de:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        counts=COUNTS,
    output:
        de=f"{OUT}/tables/de.tsv",
        skipped=f"{OUT}/skipped/de.tsv",
    log:
        f"{OUT}/logs/de.log",
    benchmark:
        f"{OUT}/benchmarks/de.tsv"
    threads: 2
    resources:
        mem_mb=PLAN.memory("de"),
    params:
        settings=PLAN.settings("de"),
        code=PLAN.digest("de"),
    message:
        "differential expression"
    shell:
        "ohmics de --settings {params.settings:q} --threads {threads} --samples {input.samples:q} --qc {input.qc:q}"
        " --counts {input.counts:q} --out-de {output.de:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule gene_sets:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        counts=COUNTS,
        lists=f"{OUT}/gene_lists.json",
        collections=list(PLAN.collections.values()),
    output:
        enrichment=f"{OUT}/tables/enrichment.tsv",
        overlap=f"{OUT}/tables/set_overlap.tsv",
        walks=f"{OUT}/tables/running_sums.tsv",
        skipped=f"{OUT}/skipped/gene_sets.tsv",
    log:
        f"{OUT}/logs/gene_sets.log",
    benchmark:
        f"{OUT}/benchmarks/gene_sets.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gene_sets"),
    params:
        settings=PLAN.settings("gene_sets"),
        collections=COLLECTIONS,
        code=PLAN.digest("gene_sets"),
    message:
        "testing gene sets"
    shell:
        "NUMBA_NUM_THREADS={threads} ohmics gene-sets --settings {params.settings:q} --samples {input.samples:q}"
        " --qc {input.qc:q} --counts {input.counts:q} --lists {input.lists:q} {params.collections}"
        " --out-enrichment {output.enrichment:q} --out-overlap {output.overlap:q} --out-walks {output.walks:q}"
        " --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule ora:
    input:
        de=f"{OUT}/tables/de.tsv",
        lists=f"{OUT}/gene_lists.json",
        collections=list(PLAN.collections.values()),
    output:
        ora=f"{OUT}/tables/ora.tsv",
        skipped=f"{OUT}/skipped/ora.tsv",
    log:
        f"{OUT}/logs/ora.log",
    benchmark:
        f"{OUT}/benchmarks/ora.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("ora"),
    params:
        settings=PLAN.settings("ora"),
        collections=COLLECTIONS,
        code=PLAN.digest("ora"),
    message:
        "counting the changed genes of gene lists"
    shell:
        "ohmics ora --settings {params.settings:q} --de {input.de:q} --lists {input.lists:q} {params.collections}"
        " --out-ora {output.ora:q} --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule gather_skipped:
    input:
        parts=expand(
            f"{OUT}/skipped/{{stage}}.tsv",
            stage=["samples", "compare", "de", "gene_sets", "ora"]
            + (
                ["calls", "malignant", "car", "states"]
                if SINGLE_CELL
                else ["qc", "bulk_antigen"]
            )
            + (["association"] if PLAN.config["outcomes"] else []),
        ),
    output:
        report(
            f"{OUT}/tables/skipped.tsv",
            caption="../report/skipped.rst",
            category="Tables",
            labels={"what": "not computed, and why", "format": "TSV"},
        ),
    log:
        f"{OUT}/logs/gather_skipped.log",
    benchmark:
        f"{OUT}/benchmarks/gather_skipped.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gather"),
    params:
        code=PLAN.digest("gather"),
    message:
        "gathering what was not tested"
    shell:
        "ohmics gather --table SKIPPED --part {input.parts:q} --out {output:q} >{log:q} 2>&1"


rule evidence:
    input:
        samples=f"{OUT}/samples.tsv",
        pairs=f"{OUT}/pairs.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        effects=f"{OUT}/tables/effects.tsv",
        enrichment=f"{OUT}/tables/enrichment.tsv",
        composition=f"{OUT}/tables/composition.tsv",
        skipped=f"{OUT}/tables/skipped.tsv",
        further=list(EVIDENCE_TABLES.values()),
        mechanisms=PLAN.mechanisms,
    output:
        report(
            f"{OUT}/tables/evidence.tsv",
            caption="../report/evidence.rst",
            category="Tables",
            labels={"what": "verdicts", "format": "TSV"},
        ),
    log:
        f"{OUT}/logs/evidence.log",
    benchmark:
        f"{OUT}/benchmarks/evidence.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("evidence"),
    params:
        settings=PLAN.settings("evidence"),
        further=" ".join(f"--{name} {path}" for name, path in EVIDENCE_TABLES.items()),
        code=PLAN.digest("evidence"),
    message:
        "weighing the evidence"
    shell:
        "ohmics evidence --settings {params.settings:q} --samples {input.samples:q} --pairs {input.pairs:q}"
        " --qc {input.qc:q} --effects {input.effects:q} --enrichment {input.enrichment:q}"
        " --composition {input.composition:q} --skipped {input.skipped:q} {params.further} --out {output:q}"
        " >{log:q} 2>&1"
