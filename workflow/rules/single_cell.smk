# Single-cell: one job a sample, and one that sees all cells (embed).
rule qc:
    input:
        matrix=lambda wildcards: PLAN.matrix(wildcards.sample),
        markers=PLAN.resource("cell_markers.tsv"),
        genes=[PLAN.resource("genes.tsv"), PLAN.resource("genes_extra.tsv")],
        # All inputs are looked into before the long work starts; the table itself is not read here.
        checked=ancient(f"{OUT}/samples.tsv"),
    output:
        counts=f"{OUT}/samples/{{sample}}/counts.h5ad",
        qc=f"{OUT}/samples/{{sample}}/qc.tsv",
        cells=f"{OUT}/samples/{{sample}}/cell_qc.parquet",
        markers=f"{OUT}/samples/{{sample}}/markers.parquet",
        skipped=f"{OUT}/samples/{{sample}}/skipped_qc.tsv",
    log:
        f"{OUT}/logs/qc/{{sample}}.log",
    benchmark:
        f"{OUT}/benchmarks/qc/{{sample}}.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("qc"),
    params:
        folder=lambda wildcards, output: output.qc.rpartition("/")[0],
        settings=PLAN.settings("qc"),
        code=PLAN.digest("qc"),
    message:
        "quality of {wildcards.sample}"
    shell:
        "ohmics qc --settings {params.settings:q} --sample {wildcards.sample:q} --matrix {input.matrix:q}"
        " --out {params.folder:q} >{log:q} 2>&1"


rule gather_qc:
    input:
        samples=f"{OUT}/samples.tsv",
        parts=expand(f"{OUT}/samples/{{sample}}/qc.tsv", sample=PLAN.sample_ids),
    output:
        f"{OUT}/tables/qc.tsv",
    log:
        f"{OUT}/logs/gather_qc.log",
    benchmark:
        f"{OUT}/benchmarks/gather_qc.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gather"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        code=PLAN.digest("gather"),
    message:
        "gathering the quality tables"
    shell:
        "ohmics gather --table QC --samples {input.samples:q} --folder {params.folder:q} --file qc.tsv"
        " --out {output:q} >{log:q} 2>&1"


rule embed:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        counts=expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids),
    output:
        f"{OUT}/embedding.parquet",
    log:
        f"{OUT}/logs/embed.log",
    benchmark:
        f"{OUT}/benchmarks/embed.tsv"
    priority: 50
    threads: 2
    resources:
        mem_mb=PLAN.memory("embed"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("embed"),
        code=PLAN.digest("embed"),
    message:
        "embedding and clustering all cells"
    shell:
        "NUMBA_NUM_THREADS={threads} ohmics embed --settings {params.settings:q} --samples {input.samples:q}"
        " --qc {input.qc:q} --folder {params.folder:q} --out {output:q} >{log:q} 2>&1"


rule annotate:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        embedding=f"{OUT}/embedding.parquet",
        parts=expand(
            f"{OUT}/samples/{{sample}}/{{name}}",
            sample=PLAN.sample_ids,
            name=["markers.parquet", "cell_qc.parquet"],
        ),
        markers=PLAN.resource("cell_markers.tsv"),
    output:
        f"{OUT}/annotation.parquet",
    log:
        f"{OUT}/logs/annotate.log",
    benchmark:
        f"{OUT}/benchmarks/annotate.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("annotate"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("annotate"),
        code=PLAN.digest("annotate"),
    message:
        "naming the cells"
    shell:
        "ohmics annotate --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --embedding {input.embedding:q} --folder {params.folder:q} --out {output:q} >{log:q} 2>&1"


rule car:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        cells=f"{OUT}/malignant.parquet",
        parts=expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids),
        markers=PLAN.resource("cell_markers.tsv"),
    output:
        cells=f"{OUT}/tables/cells.parquet",
        car=f"{OUT}/tables/car.tsv",
        skipped=f"{OUT}/skipped/car.tsv",
    log:
        f"{OUT}/logs/car.log",
    benchmark:
        f"{OUT}/benchmarks/car.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("car"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("car"),
        code=PLAN.digest("car"),
    message:
        "calling CAR+ cells"
    shell:
        "ohmics car --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --cells {input.cells:q} --folder {params.folder:q} --out-cells {output.cells:q} --out-car {output.car:q}"
        " --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule aggregate:
    input:
        counts=f"{OUT}/samples/{{sample}}/counts.h5ad",
        cells=f"{OUT}/tables/cells.parquet",
        markers=PLAN.resource("cell_markers.tsv"),
    output:
        genes=f"{OUT}/samples/{{sample}}/gene_stats.parquet",
        sums=f"{OUT}/samples/{{sample}}/pseudobulk.h5ad",
    log:
        f"{OUT}/logs/aggregate/{{sample}}.log",
    benchmark:
        f"{OUT}/benchmarks/aggregate/{{sample}}.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("aggregate"),
    params:
        code=PLAN.digest("aggregate"),
    message:
        "gene sums of {wildcards.sample}"
    shell:
        "ohmics aggregate --sample {wildcards.sample:q} --counts {input.counts:q} --cells {input.cells:q}"
        " --out-genes {output.genes:q} --out-sums {output.sums:q} >{log:q} 2>&1"


rule reference:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        parts=expand(
            f"{OUT}/samples/{{sample}}/{{name}}",
            sample=PLAN.sample_ids,
            name=["gene_stats.parquet", "pseudobulk.h5ad"],
        ),
    output:
        reference=f"{OUT}/tables/gene_reference.parquet",
        sums=f"{OUT}/counts/pseudobulk.h5ad",
        identity=f"{OUT}/tables/identity.tsv",
    log:
        f"{OUT}/logs/reference.log",
    benchmark:
        f"{OUT}/benchmarks/reference.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("reference"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        code=PLAN.digest("reference"),
    message:
        "one reference for all samples"
    shell:
        "ohmics reference --samples {input.samples:q} --qc {input.qc:q} --folder {params.folder:q}"
        " --out-reference {output.reference:q} --out-sums {output.sums:q} --out-identity {output.identity:q}"
        " >{log:q} 2>&1"


rule targets:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        cells=f"{OUT}/tables/cells.parquet",
        lists=f"{OUT}/gene_lists.json",
    output:
        f"{OUT}/tables/targets.tsv",
    log:
        f"{OUT}/logs/targets.log",
    benchmark:
        f"{OUT}/benchmarks/targets.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("targets"),
    params:
        settings=PLAN.settings("targets"),
        code=PLAN.digest("targets"),
    message:
        "one depth for what is compared"
    shell:
        "ohmics targets --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --cells {input.cells:q} --lists {input.lists:q} --out {output:q} >{log:q} 2>&1"


rule score:
    input:
        counts=f"{OUT}/samples/{{sample}}/counts.h5ad",
        cells=f"{OUT}/tables/cells.parquet",
        reference=f"{OUT}/tables/gene_reference.parquet",
        targets=f"{OUT}/tables/targets.tsv",
        lists=f"{OUT}/gene_lists.json",
    output:
        scores=f"{OUT}/samples/{{sample}}/scores.tsv",
        cells=f"{OUT}/samples/{{sample}}/cell_scores.parquet",
        coverage=f"{OUT}/samples/{{sample}}/coverage.tsv",
        skipped=f"{OUT}/samples/{{sample}}/skipped_score.tsv",
    log:
        f"{OUT}/logs/score/{{sample}}.log",
    benchmark:
        f"{OUT}/benchmarks/score/{{sample}}.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("score"),
    params:
        folder=lambda wildcards, output: output.scores.rpartition("/")[0],
        settings=PLAN.settings("score"),
        code=PLAN.digest("score"),
    message:
        "scoring {wildcards.sample}"
    shell:
        "NUMBA_NUM_THREADS={threads} ohmics score-sample --settings {params.settings:q} --sample {wildcards.sample:q}"
        " --counts {input.counts:q} --cells {input.cells:q} --reference {input.reference:q}"
        " --targets {input.targets:q} --lists {input.lists:q} --out {params.folder:q} >{log:q} 2>&1"


rule gather_scores:
    input:
        samples=f"{OUT}/samples.tsv",
        parts=expand(
            f"{OUT}/samples/{{sample}}/{{name}}",
            sample=PLAN.sample_ids,
            name=["scores.tsv", "coverage.tsv", "skipped_score.tsv", "skipped_qc.tsv"],
        ),
    output:
        scores=f"{OUT}/tables/scores.tsv",
        coverage=f"{OUT}/tables/coverage.tsv",
        skipped=f"{OUT}/skipped/samples.tsv",
    log:
        f"{OUT}/logs/gather_scores.log",
    benchmark:
        f"{OUT}/benchmarks/gather_scores.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gather"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        code=PLAN.digest("gather"),
    message:
        "gathering the scores"
    shell:
        "ohmics gather --table SCORES --samples {input.samples:q} --folder {params.folder:q} --file scores.tsv"
        " --out {output.scores:q} >{log:q} 2>&1 &&"
        " ohmics gather --table COVERAGE --samples {input.samples:q} --folder {params.folder:q} --file coverage.tsv"
        " --out {output.coverage:q} >>{log:q} 2>&1 &&"
        " ohmics gather --table SKIPPED --samples {input.samples:q} --folder {params.folder:q}"
        " --file skipped_qc.tsv --file skipped_score.tsv --out {output.skipped:q} >>{log:q} 2>&1"


rule calls:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        pairs=f"{OUT}/pairs.tsv",
        cells=f"{OUT}/tables/cells.parquet",
        parts=expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids),
        # Where the config names a clonal mark: the user's table of cells, else the user's h5ad files.
        own_cells=PLAN.config["input"].get("cells", []),
        own=(
            PLAN.matrices
            if PLAN.config["lineage"].get("clonal_column")
            and not PLAN.config["input"].get("cells")
            else []
        ),
        mechanisms=PLAN.mechanisms,
    output:
        antigen=f"{OUT}/tables/antigen.tsv",
        presentation=f"{OUT}/tables/antigen_presentation.tsv",
        depth=f"{OUT}/tables/antigen_depth.tsv",
        lineage=f"{OUT}/tables/lineage.tsv",
        lineage_cells=f"{OUT}/tables/lineage_cells.parquet",
        skipped=f"{OUT}/skipped/calls.tsv",
    log:
        f"{OUT}/logs/calls.log",
    benchmark:
        f"{OUT}/benchmarks/calls.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("calls"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("calls"),
        own=lambda wildcards, input: (
            f"--own-cells {shlex.quote(str(input.own_cells))}"
            if input.own_cells
            else ""
        ),
        code=PLAN.digest("calls"),
    message:
        "calling antigens and lineage patient by patient"
    shell:
        "ohmics calls --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --pairs {input.pairs:q} --cells {input.cells:q} --folder {params.folder:q} {params.own}"
        " --out-antigen {output.antigen:q} --out-presentation {output.presentation:q} --out-depth {output.depth:q}"
        " --out-lineage {output.lineage:q} --out-lineage-cells {output.lineage_cells:q}"
        " --out-skipped {output.skipped:q} >{log:q} 2>&1"


rule measures:
    input:
        samples=f"{OUT}/samples.tsv",
        qc=f"{OUT}/tables/qc.tsv",
        cells=f"{OUT}/tables/cells.parquet",
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/tables/cell_measures.tsv",
    log:
        f"{OUT}/logs/measures.log",
    benchmark:
        f"{OUT}/benchmarks/measures.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("measures"),
    params:
        settings=PLAN.settings("measures"),
        code=PLAN.digest("measures"),
    message:
        "counting CAR+ cells and normal B cells"
    shell:
        "ohmics measures --settings {params.settings:q} --samples {input.samples:q} --qc {input.qc:q}"
        " --cells {input.cells:q} --out {output:q} >{log:q} 2>&1"


rule cell_tables:
    input:
        samples=f"{OUT}/samples.tsv",
        cells=f"{OUT}/tables/cells.parquet",
        parts=expand(
            f"{OUT}/samples/{{sample}}/cell_qc.parquet", sample=PLAN.sample_ids
        ),
    output:
        summary=f"{OUT}/tables/cell_summary.tsv",
        filters=f"{OUT}/tables/cell_filters.tsv",
        types=f"{OUT}/tables/cell_type_shares.tsv",
    log:
        f"{OUT}/logs/cell_tables.log",
    benchmark:
        f"{OUT}/benchmarks/cell_tables.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("cell_tables"),
    params:
        folder=lambda wildcards, input: part_folder(input),
        settings=PLAN.settings("cell_tables"),
        code=PLAN.digest("cell_tables"),
    message:
        "counting what the filters removed"
    shell:
        "ohmics cell-tables --settings {params.settings:q} --samples {input.samples:q} --cells {input.cells:q}"
        " --folder {params.folder:q} --out-summary {output.summary:q} --out-filters {output.filters:q}"
        " --out-types {output.types:q} >{log:q} 2>&1"
