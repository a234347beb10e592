# Every figure of the pages as a file; which ones there are depends on the data, so the folder is the output.


rule figures:
    input:
        qc=rules.report_qc.input,
        signatures=rules.report_signatures.input,
    output:
        report(
            directory(f"{OUT}/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{OUT}/logs/figures.log",
    benchmark:
        f"{OUT}/benchmarks/figures.tsv"
    threads: 1
    resources:
        mem_mb=PLAN.memory("figures"),
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent),
        settings=PLAN.settings("figures"),
        code=PLAN.digest("figures"),
    message:
        "drawing the figures as files"
    shell:
        "ohmics figures --settings {params.settings:q} --results {params.results:q} --out {output:q}"
        " >{log:q} 2>&1"
