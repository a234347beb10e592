"""The tables and the config of a run come in; the sentences of Methods that hold this run's numbers go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ohmics.export.markdown import code, escaped
from ohmics.intake.config import config_schema
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs

_TOLD = ("therapy", "target_antigen", "disease", "tissue", "enrichment", "chemistry")
_THERAPIES = {"car_t": "CAR T cells", "ici": "immune checkpoint inhibitors"}
_THRESHOLDS = ("qc", "annotate", "malignant", "antigen", "lineage", "score", "compare", "de", "gene_sets")
_CELLS_ONLY = ("annotate", "malignant", "lineage", "qc.min_umi", "qc.min_genes", "qc.max_pct_mito", "qc.n_mads",
               "qc.min_cells", "qc.doublets", "score.min_cells", "de.min_cells")  # fmt: skip
_BULK_ONLY = ("qc.min_library_size", "qc.min_genes_bulk")


def sample_sentences(inputs: ReportInputs) -> list[str]:
    """Return how many samples of how many patients, what they are, which were left out, and how many cells stayed."""
    samples = inputs.samples
    kind = "bulk" if inputs.bulk else "single-cell"
    times = [f"{escaped(name)} {int((samples['timepoint'] == name).sum())}" for name in select.timepoints(inputs)]
    text = (
        f"The sheet lists {words.count(len(samples), f'{kind} sample')} of "
        f"{words.count(samples['patient'].nunique(), inputs.unit)} ({', '.join(times)})."
    )
    told = [
        f"{name.replace('_', ' ')} {words.series(_levels(samples[name]))}"
        for name in _TOLD
        if name in samples and samples[name].notna().any()
    ]
    blocks = [text + (f" As the sheet has it: {'; '.join(told)}." if told else "")]
    if inputs.qc is not None:
        blocks.append(_quality_sentence(inputs.qc, bulk=inputs.bulk))
    return blocks


def _levels(values: pd.Series) -> list[str]:
    return [escaped(_THERAPIES.get(value, value)) for value in sorted(set(values.dropna().astype(str)))]


def _quality_sentence(qc: pd.DataFrame, *, bulk: bool) -> str:
    parts = []
    excluded, care = (qc[qc["verdict"] == verdict] for verdict in ("excluded", "use_with_care"))
    parts.append(_what_became(excluded, "excluded") if len(excluded) else "No sample was excluded.")
    if len(care):
        parts.append(_what_became(care, "used with care"))
    kept = qc[qc["verdict"] != "excluded"]
    if not bulk and qc["cells_in"].notna().any():
        before, after = int(qc["cells_in"].sum()), int(kept["cells_kept"].sum())
        parts.append(
            f"Of {before:,} cells, {after:,} were kept in the samples used (per sample {_spread(kept['cells_kept'])}; "
            f"median UMI {_spread(kept['median_umi'])})."
        )
    if bulk and len(kept):
        parts.append(f"Library sizes of the samples used: {_spread(kept['median_umi'])} counts.")
    return " ".join(parts)


def _what_became(rows: pd.DataFrame, what: str) -> str:
    number = len(rows)
    return f"{words.count(number, 'sample')} {words.verb(number, 'was', 'were')} {what}: {_named(rows)}."


def _named(rows: pd.DataFrame) -> str:
    reasons = [
        f"{code(sample)} ({escaped(flags)})" if isinstance(flags, str) and flags else code(sample)
        for sample, flags in zip(rows["sample"], rows["flags"], strict=True)
    ]
    return "; ".join(reasons)


def _spread(values: pd.Series) -> str:
    """Return the range of a column of a table, in words."""
    given = values.dropna()
    if given.empty:
        return "not known"
    low, high = words.whole(given.min()), words.whole(given.max())
    return low if low == high else f"{low} to {high}"


def contrast_sentences(inputs: ReportInputs) -> list[str]:
    """Return what each contrast compares, in how many units, and which of its pairs do not compare like with like."""
    lines = []
    for view in select.contrasts(inputs):
        text = f"{code(view.name)}: {escaped(view.text)}."
        pairs = None if inputs.pairs is None else inputs.pairs[inputs.pairs["contrast"] == view.name]
        if pairs is not None and len(pairs):
            whole = pairs[pairs["complete"].fillna(False).astype(bool)]
            everyone = words.count(pairs["subject"].nunique(), inputs.unit)
            text += (
                f" {len(set(whole['subject']))} of {everyone} had usable samples on both sides"
                if view.paired
                else f" {everyone} took part"
            )
            unlike = whole[whole["differs_in"].notna()]
            if len(unlike):
                text += f"; in {words.count(len(unlike), 'pair')} the sides differ in {_columns(unlike['differs_in'])}"
            text += "."
        lines.append(text)
    for entry in inputs.config.get("outcomes") or []:
        what = "survival" if entry.get("time") else "response"
        lines.append(
            f"Outcome {code(entry.get('name') or what)} ({what}): held against the "
            f"{escaped(entry.get('score') or 'baseline')} score of contrast {code(entry.get('contrast') or '')}."
        )
    return lines or ["No contrast was asked for."]


def _columns(values: pd.Series) -> str:
    return words.in_words(sorted({name for value in values for name in str(value).split("|")}))


def thinning_sentence(inputs: ReportInputs) -> list[str]:
    """Return to which depths counts were thinned, from the thinned rows of SCORES."""
    if inputs.scores is None:
        return []
    if not select.was_thinned(inputs):
        return ["No sample was thinned: no comparison had two usable sides of whole counts."]
    depths = inputs.scores.loc[inputs.scores["depth"] == "thinned", "thinned_to"]
    unit = "counts a sample" if inputs.bulk else "UMI a cell"
    return [f"In this run counts were thinned to depths of {_spread(depths)} {unit}."]


def threshold_rows(inputs: ReportInputs) -> list[Sequence[str]]:
    """Return the thresholds of the config that this run read: key, value and what it is."""
    described = config_schema()["properties"]
    rows: list[Sequence[str]] = []
    for section in _THRESHOLDS:
        values = inputs.config.get(section)
        if not isinstance(values, Mapping):
            continue
        known = described.get(section, {}).get("properties", {})
        for key, value in values.items():
            dotted = f"{section}.{key}"
            other = _BULK_ONLY if not inputs.bulk else _CELLS_ONLY
            if section in other or dotted in other or key in ("gene_positions", "collections", "gene_lists"):
                continue
            rows.append((code(dotted), code(_plain(value)), escaped(known.get(key, {}).get("description", ""))))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def skipped_rows(inputs: ReportInputs) -> list[Sequence[str]]:
    """Return, per stage, how many things it could not compute and the first reason."""
    if inputs.skipped is None or inputs.skipped.empty:
        return []
    return [
        (code(stage), f"{len(rows):,}", escaped(rows["reason"].iloc[0]))
        for stage, rows in inputs.skipped.groupby("stage", sort=True)
    ]
