"""The command line: one verb a stage, each in a file of its own, imported only when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ohmics.cli._damage import find_damage, refuse_cut_off
from ohmics.cli._refusal import told
from ohmics.cli._stop import Stopped, no_room, one_fault_told, places_written, signals_unwind, told_no_room, told_stop
from ohmics.errors import OhmicsError

# verb: (module, one line for --help, group)
VERBS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "run the whole workflow on toy cohorts with planted resistance", "start"),
    "init": ("init", "make a folder with a commented config and sample sheet", "start"),
    "check": ("check", "check a config, its sheet and its data before anything runs", "start"),
    "run": ("run", "run the workflow on a config (passes anything else to snakemake)", "start"),
    "score": ("score_input", "score gene lists in any h5ad, matrix or 10x file", "start"),
    "verify": ("verify", "check every table of a results folder against its schema", "start"),
    "share": ("share", "copy results to hand on: no path in them, with --pseudonymise no id", "start"),
    "catalog": ("catalog", "list, show, export or check the mechanism catalogue", "start"),
    "version": ("version", "print versions", "start"),
    "samples": ("samples", "sheet -> SAMPLES, after a look into every matrix", "stages"),
    "qc": ("qc", "one single-cell sample -> kept cells, QC, marker evidence", "stages"),
    "bulk-qc": ("bulk_qc", "one bulk matrix -> counts, QC", "stages"),
    "pairs": ("pairs", "QC of all samples -> QC table, PAIRS", "stages"),
    "embed": ("embed", "kept cells of all samples -> clusters, UMAP", "stages"),
    "annotate": ("annotate", "clusters and marker evidence -> CELLS", "stages"),
    "malignant": ("malignant", "annotated cells -> CELLS with malignant cells, MALIGNANT", "stages"),
    "car": ("car", "annotated cells -> CELLS with CAR+ calls, CAR", "stages"),
    "cell-tables": ("cell_tables", "cells before and after filters -> CELL_SUMMARY, CELL_FILTERS", "stages"),
    "similarity": ("similarity", "bulk counts -> SAMPLE_CORRELATION, SAMPLE_SIMILARITY", "stages"),
    "aggregate": ("aggregate", "one sample -> gene sums and pseudobulk by cell type", "stages"),
    "reference": ("reference", "gene sums of all samples -> GENE_REFERENCE, pseudobulk, IDENTITY", "stages"),
    "targets": ("targets", "depths of all samples -> TARGETS", "stages"),
    "lists": ("lists", "catalogue and user lists -> the gene lists of a run", "stages"),
    "score-sample": ("score", "one single-cell sample -> SCORES, CELL_SCORES, COVERAGE", "stages"),
    "score-bulk": ("score", "bulk counts -> SCORES, COVERAGE", "stages"),
    "content": ("content", "bulk counts and SCORES -> CONTENT, SCORES beyond the content of cells", "stages"),
    "gather": ("gather", "tables of all samples -> one table", "stages"),
    "calls": ("calls", "malignant cells of each pair -> ANTIGEN, ANTIGEN_PRESENTATION, LINEAGE", "stages"),
    "bulk-antigen": ("bulk_antigen", "bulk counts of each pair -> ANTIGEN", "stages"),
    "junctions": ("junctions", "reads over splice junctions -> JUNCTIONS", "stages"),
    "states": ("states", "kept T cells of all samples -> STATES, their EFFECTS and COMPOSITION", "stages"),
    "compare": ("compare", "SCORES -> EFFECTS, COMPOSITION", "stages"),
    "measures": ("measures", "CELLS -> CAR+ cells and normal B cells of each sample", "stages"),
    "associate": ("associate", "SCORES and the sheet's outcomes -> ASSOCIATION, SURVIVAL_CURVES", "stages"),
    "de": ("de", "pseudobulk or bulk counts -> DE", "stages"),
    "gene-sets": ("gene_sets", "pseudobulk or bulk counts -> ENRICHMENT, SET_OVERLAP, RUNNING_SUMS", "stages"),
    "ora": ("ora", "DE and gene lists -> ORA", "stages"),
    "evidence": ("evidence", "EFFECTS and ENRICHMENT -> EVIDENCE", "stages"),
    "config-used": ("config_used", "config -> the same with every default", "stages"),
    "patients": ("patients", "tables -> PATIENT_COMPARISON, CALL_ERRORS", "stages"),
    "report": ("report", "tables -> qc.html, signatures.html or a page a patient", "stages"),
    "figures": ("figures", "tables -> every figure as PDF, SVG and PNG", "stages"),
    "export": ("export", "tables -> xlsx, h5ad, Parquet, MultiQC, Methods, RO-Crate", "stages"),
    "manifest": ("manifest", "a finished run -> MANIFEST: the sha256 of what was read and written", "stages"),
}  # fmt: skip


def _overview() -> str:
    lines = ["usage: ohmics VERB ...", "", "Resistance signatures from pre- and post-relapse expression data.", ""]
    for group, title in (("start", "To begin with:"), ("stages", "Stages (the workflow calls these):")):
        lines.append(title)
        lines += [f"  {verb:<13} {text}" for verb, (_, text, where) in VERBS.items() if where == group]
        lines.append("")
    lines.append("`ohmics VERB --help` explains a verb. Research use only; never a diagnosis.")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 a step failed, 2 the input was refused.

    A signal that asks the process to end unwinds it, so that nothing half-written stays: 130 after SIGINT, 143 after
    SIGTERM.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        words[0] = "version"
    verb = words[0]
    if verb not in VERBS:
        from ohmics.errors import did_you_mean

        print(f"ohmics: unknown verb `{verb}`; {did_you_mean(verb, VERBS) or 'see `ohmics --help`'}", file=sys.stderr)
        return 2
    try:
        with signals_unwind(), one_fault_told():
            return _run_verb(verb, words)
    except Stopped as stop:
        return told_stop(verb, stop)


def _run_verb(verb: str, words: Sequence[str]) -> int:
    module = import_module(f"ohmics.cli.{VERBS[verb][0]}")
    parser = argparse.ArgumentParser(prog="ohmics")
    module.add_parser(parser.add_subparsers(metavar="VERB"))
    if getattr(module, "PASSES_UNKNOWN", False):
        arguments, arguments_rest = parser.parse_known_args(words)
        arguments.rest = arguments_rest
    else:
        arguments = parser.parse_args(words)
    try:
        if VERBS[verb][2] == "stages":
            refuse_cut_off(vars(arguments))
        return int(arguments.func(arguments))
    except OhmicsError as error:
        print(f"ohmics {verb}: {told(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output (head, less) went away; that is no error of ours.
        sys.stderr.close()
        return 0
    except (OSError, RuntimeError, ValueError, LookupError) as error:
        # HDF5 tells of a full disk in a RuntimeError when it closes a file.
        full = no_room(error)
        if full:
            return told_no_room(verb, full, error=error, written=places_written(vars(arguments)))
        damage = find_damage(vars(arguments)) if VERBS[verb][2] == "stages" else None
        if damage is None:
            raise
        print(f"ohmics {verb}: {damage}", file=sys.stderr)
        return 2
