# What other programs read, made from the tables. The crate lists the exports, and the manifest all there is.
_EXPORT = f"{OUT}/export"
_EXPORTED_PARTS = (
    expand(
        f"{OUT}/samples/{{sample}}/{{name}}",
        sample=PLAN.sample_ids,
        name=["cell_qc.parquet", "cell_scores.parquet"],
    )
    if PLAN.modality == "single_cell"
    else []
)


rule export_tables:
    input:
        pages=rules.report_signatures.input,
        patients=[
            f"{OUT}/tables/patient_comparison.tsv",
            f"{OUT}/tables/call_errors.tsv",
        ],
        targets=f"{OUT}/tables/targets.tsv",
        reference=f"{OUT}/tables/gene_reference.parquet",
        parts=_EXPORTED_PARTS,
    output:
        tables=directory(f"{_EXPORT}/tables"),
        workbook=report(
            f"{_EXPORT}/results.xlsx",
            caption="../report/workbook.rst",
            category="Tables",
            labels={"what": "all tables", "format": "Excel"},
        ),
    log:
        f"{OUT}/logs/export_tables.log",
    benchmark:
        f"{OUT}/benchmarks/export_tables.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("export"),
    params:
        results=lambda wildcards, output: str(Path(output.workbook).parent.parent),
        folder=lambda wildcards, output: str(Path(output.workbook).parent),
        settings=PLAN.settings("export"),
        code=PLAN.digest("export"),
    message:
        "writing the tables for other programs"
    shell:
        "ohmics export --settings {params.settings:q} --results {params.results:q} --out {params.folder:q}"
        " --format tables --format xlsx >{log:q} 2>&1"


rule export_texts:
    input:
        pages=rules.report_signatures.input,
        reference=f"{OUT}/tables/gene_reference.parquet",
    output:
        methods=report(
            f"{_EXPORT}/methods.md",
            caption="../report/methods.rst",
            category="Methods",
            labels={"what": "Methods section", "format": "Markdown"},
        ),
        references=report(
            f"{_EXPORT}/references.bib",
            caption="../report/methods.rst",
            category="Methods",
            labels={"what": "references", "format": "BibTeX"},
        ),
        multiqc=expand(
            f"{_EXPORT}/ohmics_{{name}}_mqc.json",
            name=["qc", "depth", "verdicts"]
            + (["cells"] if PLAN.modality == "single_cell" else []),
        ),
    log:
        f"{OUT}/logs/export_texts.log",
    benchmark:
        f"{OUT}/benchmarks/export_texts.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("export"),
    params:
        results=lambda wildcards, output: str(Path(output.methods).parent.parent),
        folder=lambda wildcards, output: str(Path(output.methods).parent),
        settings=PLAN.settings("export"),
        code=PLAN.digest("export"),
    message:
        "writing Methods, references and MultiQC's sections"
    shell:
        "ohmics export --settings {params.settings:q} --results {params.results:q} --out {params.folder:q}"
        " --format methods --format multiqc >{log:q} 2>&1"


rule export_h5ad:
    input:
        samples=f"{OUT}/samples.tsv",
        config=f"{OUT}/config.yaml",
        qc=f"{OUT}/tables/qc.tsv",
        cells=(
            [f"{OUT}/tables/cells.parquet"]
            if PLAN.modality == "single_cell"
            else [f"{OUT}/tables/scores.tsv", f"{OUT}/tables/pca.tsv"]
        ),
        counts=(
            expand(f"{OUT}/samples/{{sample}}/counts.h5ad", sample=PLAN.sample_ids)
            if PLAN.modality == "single_cell"
            else [f"{OUT}/counts/bulk.h5ad"]
        ),
        parts=_EXPORTED_PARTS,
    output:
        # ohmics.h5ad itself is not made of more cells than the config allows; this table then says so.
        f"{_EXPORT}/skipped.tsv",
    log:
        f"{OUT}/logs/export_h5ad.log",
    benchmark:
        f"{OUT}/benchmarks/export_h5ad.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("export"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        settings=PLAN.settings("export"),
        code=PLAN.digest("export"),
    message:
        "writing one h5ad of the run"
    shell:
        "ohmics export --settings {params.settings:q} --results {params.results:q} --out {params.folder:q}"
        " --format h5ad >{log:q} 2>&1"


rule export_crate:
    input:
        tables=rules.export_tables.output,
        texts=rules.export_texts.output,
        h5ad=rules.export_h5ad.output,
        read=[PLAN.config["input"]["samples"], *PLAN.matrices],
    output:
        f"{_EXPORT}/ro-crate-metadata.json",
        f"{_EXPORT}/config.json",
        directory(f"{_EXPORT}/workflow"),
    log:
        f"{OUT}/logs/export_crate.log",
    benchmark:
        f"{OUT}/benchmarks/export_crate.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gather"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent.parent),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        settings=PLAN.settings("export"),
        code=PLAN.digest("export"),
    message:
        "listing what was exported, and from what"
    shell:
        "ohmics export --settings {params.settings:q} --results {params.results:q} --out {params.folder:q}"
        " --format crate >{log:q} 2>&1"


rule manifest:
    input:
        qc=rules.report_qc.output,
        signatures=rules.report_signatures.output,
        patients=rules.report_patients.output,
        figures=rules.figures.output,
        crate=rules.export_crate.output,
        read=[PLAN.config["input"]["samples"], *PLAN.matrices],
        mechanisms=PLAN.mechanisms,
    output:
        f"{OUT}/manifest.tsv",
    log:
        f"{OUT}/logs/manifest.log",
    benchmark:
        f"{OUT}/benchmarks/manifest.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("gather"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent),
        settings=PLAN.settings("manifest"),
        code=PLAN.digest("manifest"),
    message:
        "taking the sha256 of what was read and written"
    shell:
        "ohmics manifest --settings {params.settings:q} --results {params.results:q} --out {output:q} >{log:q} 2>&1"


# What a run makes, named one by one: what is deleted by hand is made again, also where what follows from it still stands.
WANTED = [
    *rules.report_signatures.input,
    *rules.patients.output,
    *rules.report_qc.output,
    *rules.report_signatures.output,
    *rules.report_patients.output,
    *rules.figures.output,
    *rules.export_tables.output,
    *rules.export_texts.output,
    *rules.export_h5ad.output,
    *rules.export_crate.output,
    *rules.manifest.output,
]
