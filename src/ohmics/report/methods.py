"""The resolved config and the tables present come in, a Methods text with numbered citations goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ohmics.report import select, words
from ohmics.report.antigen_methods import antigen_text
from ohmics.report.citations import Citation, citation, is_known
from ohmics.report.inputs import ReportInputs
from ohmics.report.scheme_words import scheme_sentences, thinning


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of Methods, the numbers of what it cites, and the keys of the same works."""

    heading: str
    text: str
    numbers: tuple[int, ...]
    keys: tuple[str, ...] = ()


@dataclass(slots=True)
class Methods:
    """Paragraphs in reading order, and the works they cite in order of first use."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    cited: list[Citation] = field(default_factory=list)

    def add(self, heading: str, text: str, *keys: str) -> None:
        """Add a paragraph that cites these works."""
        numbers = []
        for key in keys:
            work = citation(key)
            if work not in self.cited:
                self.cited.append(work)
            numbers.append(self.cited.index(work) + 1)
        self.paragraphs.append(Paragraph(heading, text, tuple(numbers), keys))


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


def qc_methods(inputs: ReportInputs) -> Methods:
    """Return how samples were checked and, for single cells, embedded and annotated."""
    methods = Methods()
    if inputs.bulk:
        _bulk_quality(methods, _section(inputs.config, "qc"))
    else:
        _cell_quality(methods, _section(inputs.config, "qc"))
        _embedding(methods, _section(inputs.config, "embed"), drawn=select.umap_was_drawn(inputs))
        _annotation(methods, _section(inputs.config, "annotate"))
        if inputs.malignant is not None and len(inputs.malignant):
            methods.add("Malignant cells", _MALIGNANT)
    if inputs.identity is not None:
        methods.add(
            "Identity",
            "Whether the samples of a patient come from one person was judged from XIST and Y-linked genes"
            + (". " if inputs.bulk else ", cell type by cell type. ")
            + "A disagreement in one compartment only is reported as possible chimerism (as after a "
            "transplant) or loss of Y, and excludes nothing.",
        )
    methods.add(
        "Workflow",
        "Stages were run by Snakemake; every table names the rows it could not compute and why.",
        "snakemake",
    )
    return methods


def _bulk_quality(methods: Methods, qc: Mapping[str, Any]) -> None:
    limits = [
        f"at least {words.whole(qc[key])} {what}"
        for key, what in (("min_library_size", "counts"), ("min_genes_bulk", "genes detected"))
        if qc.get(key) is not None
    ]
    text = "Library size and genes detected were taken from raw counts"
    methods.add("Quality", words.sentence(f"{text}; a sample needed {words.series(limits)}" if limits else text))
    methods.add(
        "Components",
        "The 2,000 genes that vary most in log2 counts per million gave two principal components; transgenes and "
        "excluded samples took no part. They serve for display only.",
    )
    methods.add(
        "Normalisation",
        "For differential expression, genes with too few counts for the smallest group were removed, "
        "library sizes were scaled by the trimmed mean of M values, "
        "and expression is given as log2 counts per million.",
        "edger",
        "tmm",
    )


def _cell_quality(methods: Methods, qc: Mapping[str, Any]) -> None:
    limits = [
        f"{what} {words.whole(qc[key])}{unit}"
        for key, what, unit in (
            ("min_umi", "at least", " UMI"),
            ("min_genes", "at least", " genes"),
            ("max_pct_mito", "at most", " % mitochondrial UMI"),
        )
        if qc.get(key) is not None
    ]
    text = (
        "Cells were kept with " + words.series(limits)
        if limits
        else "Cells were filtered on UMI, genes and mitochondrial share"
    )
    if qc.get("n_mads") is not None:
        text += f", and within {words.number(qc['n_mads'])} median absolute deviations of their sample's median"
    text += ". Transgenes do not count towards UMI or genes"
    keys = ["scanpy", "anndata"]
    if qc.get("doublets", True):
        text += "; doublets were called by Scrublet within each sample"
        keys.append("scrublet")
    if qc.get("min_cells") is not None:
        text += f". A sample with fewer than {words.whole(qc['min_cells'])} kept cells was excluded"
    methods.add("Quality", words.sentence(text), *keys)


def _embedding(methods: Methods, embed: Mapping[str, Any], *, drawn: bool) -> None:
    parts = ["counts were scaled to 10,000 a cell and log1p-transformed"]
    if embed.get("n_top_genes") is not None:
        parts.append(
            f"{words.whole(embed['n_top_genes'])} variable genes (never receptor segments, mitochondrial, "
            "ribosomal or transgenes)"
            f" gave {words.whole(embed.get('n_pcs'))} principal components"
        )
    keys = ["scanpy"]
    if embed.get("harmony", True):
        parts.append("components were aligned across samples by Harmony where there were several")
        keys.append("harmony")
    parts.append(f"clusters are Leiden's at resolution {words.number(embed.get('resolution', 1.0))}")
    keys.append("leiden")
    if drawn:
        parts.append("UMAP serves for display only")
        keys.append("umap")
    elif embed.get("umap") == "auto":
        parts.append("no UMAP was drawn of this many cells (embed.umap: auto)")
    methods.add("Embedding", words.sentence("; ".join(parts)), *keys)


def _annotation(methods: Methods, annotate: Mapping[str, Any]) -> None:
    least = annotate.get("min_confidence")
    text = "Cell types come from curated markers, scored per cell and decided per cluster and cell"
    if least is not None:
        text += f"; below a confidence of {words.number(least)} a cell stays unassigned"
    methods.add("Annotation", words.sentence(text))


_MALIGNANT = (
    "Clusters from before Harmony were weighed by lines of evidence, each a log ratio of its finding among malignant "
    "over normal cells, held within a limit: annotated types, the disease's panel of genes beyond ambient RNA, one "
    "light chain (mature B and plasma-cell disease), neighbours of the same patient against those of normal cells, "
    "cell cycle, maturation of normal precursors (B-ALL) and, where gene positions were given, copy number. They add "
    "up; a cluster that they do not decide is undetermined. A declaration or column of the user decides before the "
    "evidence."
)


def _gene_tests(inputs: ReportInputs) -> tuple[str, list[str]]:
    """Say how genes were tested, and what to cite for it."""
    chosen = inputs.config.get("de") or {}
    keys = ["voom", "limma", "ebayes", "tmm", "edger", "bh"]
    text = (
        "genes were tested with voom weights, TMM-scaled library sizes and empirical-Bayes moderated t, "
        "the pairs as blocks"
    )
    if chosen.get("weights") == "samples":
        text += "; weights were multiplied by a quality weight of each sample"
        keys.append("sample_weights")
    if chosen.get("trend"):
        text += "; the prior of the variances followed mean expression"
    if chosen.get("robust"):
        text += "; genes of outlying variance were drawn less to the prior"
        keys.append("robust_prior")
    if "pydeseq2" in (chosen.get("methods") or ()):
        text += "; DESeq2's negative binomial model (PyDESeq2) stands beside it"
        keys += ["deseq2", "pydeseq2"]
    limit = float(chosen.get("min_lfc") or 0)
    if limit > 0:
        text += f"; p is that of an absolute log2 fold change no larger than {limit:g}"
        keys.append("treat")
    return f"{text}; q is Benjamini and Hochberg's", keys


def signature_methods(inputs: ReportInputs) -> Methods:
    """Return how scores, changes, genes, gene sets and verdicts were obtained."""
    methods = Methods()
    _scoring(methods, inputs)
    _comparison(methods, inputs)
    if inputs.de is not None:
        text, keys = _gene_tests(inputs)
        if not inputs.bulk:
            text = "raw counts were summed per sample and cell type; " + text
            keys.append("pseudobulk")
        methods.add("Differential expression", words.sentence(text), *keys)
    if inputs.enrichment is not None:
        _gene_sets(methods, inputs)
    if inputs.composition is not None and not inputs.bulk:
        methods.add(
            "Composition",
            "Fractions of cell types were compared as centred log ratios, so a change is relative to the "
            "other types; p and q come from flips of whole patients as for scores. "
            "Pairs whose sides differ in tissue, sort gate or chemistry were refused.",
            "clr",
        )
    if _antigens_called(inputs):
        methods.add("Antigen calls", antigen_text(inputs))
    methods.add(
        "Verdicts",
        "Each mechanism has one primary line (gene list, method, cell type, direction, margin), declared "
        "before any data were seen. "
        "Supported: its q is below 0.05 among all primary lines of the contrast, in the predicted direction; "
        "contradicted: in the opposite one; "
        "open: neither, either because the interval lies inside the margin (no relevant change) or because "
        "it is wider (inconclusive); "
        "not assessable: too few genes or cells, the wrong modality, or nothing expression can show. The "
        "grade counts lines of different nature: "
        "weak one, moderate two, strong three or more; the score and the gene-set test of one list, and lists that "
        f"share over 20 % of their genes, are one line. A score change of one {inputs.unit} is never called "
        "significant.",
    )
    methods.add(
        "Workflow",
        "Stages were run by Snakemake; every table names the rows it could not compute and why.",
        "snakemake",
    )
    return methods


def _antigens_called(inputs: ReportInputs) -> bool:
    """Return whether a mechanism of the run was called patient by patient as an antigen is."""
    if inputs.evidence is None or inputs.catalog is None:
        return False
    own = inputs.evidence.loc[inputs.evidence["sub_reason"] == "called_per_patient", "mechanism"]
    known = inputs.catalog.mechanisms
    lines = [known[str(name)].primary_line for name in own if str(name) in known]
    return any(line is not None and line.method.startswith("antigen") for line in lines)


def _method(name: str, records: Mapping[str, Mapping[str, str]]) -> str:
    """Return a scoring method's name and, where the run handed its record on, what it computes."""
    shown = "UCell" if name == "ucell" else name
    record = records.get(name)
    if record is None:
        return shown
    doi = "" if is_known(name) else f"; doi {record['doi']}"
    return f"{shown} ({record['definition']}{doi})"


def _scoring(methods: Methods, inputs: ReportInputs) -> None:
    score = _section(inputs.config, "score")
    used = [str(name) for name in score.get("methods") or []]
    if not used and inputs.scores is not None:
        used = sorted(inputs.scores["method"].dropna().unique())
    records = inputs.provenance.get("score_methods") or {}
    text = (
        f"Gene lists were scored by {words.series(_method(name, records) for name in used)}"
        if used
        else "Gene lists were scored"
    )
    if score.get("min_coverage") is not None:
        text += f", where the data hold at least {words.percent(score['min_coverage'])} % of a list's genes"
    if score.get("min_cells") is not None and not inputs.bulk:
        text += f" and a sample at least {words.whole(score['min_cells'])} cells of the type"
    text += (
        f". A list with a part that rises and one that falls is the first score minus the second. {thinning(inputs)}"
    )
    if not inputs.bulk:
        text += ". A sample's score is the mean over its cells of the type"
    methods.add("Scores", words.sentence(text), *(name for name in used if is_known(name)))


def _comparison(methods: Methods, inputs: ReportInputs) -> None:
    compare = _section(inputs.config, "compare")
    draws = f", else {words.whole(compare['n_draws'])} seeded draws" if compare.get("n_draws") is not None else ""
    unit = inputs.unit
    further, works = scheme_sentences(inputs)
    methods.add(
        "Comparison",
        f"The {unit} is the unit; {'repeated samples' if inputs.bulk else 'cells'} are never replicates. Several pairs "
        f"of one {unit} count as their mean. Paired changes were tested by flipping the signs of whole {unit}s: all "
        f"2^n flips up to 2^20{draws}. p is the share of flips whose mean change is as large, so it cannot fall below "
        f"2/2^n (3 {unit}s: 0.25; 5: 0.062; 6: 0.031); each row states the smallest p it could have reached, and below "
        f"6 {unit}s flips support nothing. Intervals come from inverting the same flips; with few {unit}s they have "
        "the widest level that can be attained, which is written beside them (3: 75 %). q is the step-down "
        "maximum-|T| adjusted p of Westfall and Young over the family named in the table, from the same flips for all "
        "its tests; the verdicts' family is the primary lines of the contrast." + further,
        "westfall_young",
        "maxt",
        *works,
    )


def _gene_sets(methods: Methods, inputs: ReportInputs) -> None:
    settings = _section(inputs.config, "gene_sets")
    used = set() if inputs.enrichment is None else set(inputs.enrichment["method"].dropna())
    known = {
        "flip": (
            f"Flip: genes are ranked by moderated t of the {inputs.unit}s' differences, and the whole ranking is made "
            f"anew under each flip of {inputs.unit}s' signs (unpaired: each exchange of groups), so genes that move "
            "together stay together in the null. What is tested is the enrichment score (running sum, weight 1) times "
            "how far ahead the list's genes are: their mean |t| over that of all genes. p and q belong to this "
            "statistic; the table's NES is the score alone, over its mean size under the flips. q is the step-down "
            "maximum-|T| adjusted p over the family."
        ),
        "camera": (
            "Camera: do the list's genes change more than the others under the moderated model, with the variance "
            "inflated by the correlation between them, which is estimated from the data instead of preset."
        ),
        "fry": "Fry: is the mean effect of the list's genes beyond what the model's residuals give.",
    }
    text = " ".join(sentence for key, sentence in known.items() if key in used)
    if used & {"camera", "fry"}:
        text += (
            " Their q is Holm's within the primary lines and Benjamini and Hochberg's for further lists. With fewer "
            f"than 6 {inputs.unit}s they alone can support a mechanism, at most weakly."
        )
    text += (
        " GSEApy's prerank p, which permutes genes, stands in its own columns for comparison with the literature only: "
        "it is far too small where the genes of a set move together."
    )
    if settings.get("min_size") is not None and settings.get("max_size") is not None:
        low, high = words.whole(settings["min_size"]), words.whole(settings["max_size"])
        text += f" Sets of {low} to {high} genes were tested."
    keys = ["gsea", "gseapy", "fgsea", "camera", *(["roast"] if "fry" in used else [])]
    if used & {"camera", "fry"}:
        keys += ["holm", "bh"]
    methods.add("Gene sets", text.strip(), *keys)


GLOSSARY: tuple[tuple[str, str], ...] = (
    ("contrast", "What is compared with what; an effect is the test side minus the reference side."),
    (
        "mechanism",
        "One way in which a tumour resists, with its gene lists and what expression can and cannot show of it.",
    ),
    ("primary line", "The one measurement a mechanism stands or falls by, declared before any data were seen."),
    (
        "effect",
        "Mean change of a score over the units, here also in between-patient standard deviations of the change.",
    ),
    ("margin", "The smallest change that matters, in the same standard deviations; declared with the mechanism."),
    (
        "p and q",
        "p: how often chance alone gives a result as strong. q: the same, corrected for all tests of the family.",
    ),
    (
        "smallest p",
        "The smallest p the test could have reached with this many units; above 0.05 nothing could have been shown.",
    ),
    (
        "supported, contradicted",
        "The primary line changed in the predicted, or in the opposite, direction beyond chance.",
    ),
    (
        "open",
        "Neither: no relevant change (the interval lies inside the margin) or inconclusive (the interval is wider).",
    ),
    (
        "not assessable",
        "The data cannot speak of this mechanism: too few genes, cells or pairs, or not visible in expression.",
    ),
    (
        "consistent, opposite",
        "One patient's change goes beyond the technical range, with or against the prediction; no test.",
    ),
    (
        "within technical range",
        "One patient's change is no larger than splitting and thinning the same two samples gives. That is the noise "
        "of counting only: a second biopsy or library of the same patient may differ by more.",
    ),
    ("flip", "Turning the sign of a patient's change, as if before and after had been exchanged; the basis of p."),
    ("thinned", "Counts of both sides were drawn down to one depth before scoring, because scores depend on depth."),
    ("UMI", "A counted molecule. Depth is the number of them in a cell; in bulk, the library size."),
    ("NES", "Normalised enrichment score of a gene set: positive when its genes rank towards the test side."),
    ("camera", "A test of a gene set by a model over all genes; it can speak where flips of few units cannot."),
    (
        "UCell, mean z",
        "Scores of a gene list: the ranks of its genes in a cell, or their mean distance from the cohort's mean in sd.",
    ),
)
