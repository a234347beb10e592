"""The tables of quality come in, the answers of the QC page's first screen go out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohmics.report import select, summary, words
from ohmics.report.answers import Answer
from ohmics.report.inputs import ReportInputs
from ohmics.report.quality_tables import ANY, filter_words

_DOUBTFUL = ("mismatch", "possible_chimerism_or_loss_of_y")


def qc_answers(inputs: ReportInputs) -> list[Answer]:
    """Return which samples are usable, whether they belong together, and whether both sides were measured alike."""
    usable = Answer("Which samples are usable?", (summary.sample_sentence(inputs),), "samples", "each sample")
    found = [usable, _together(inputs), _alike(inputs), _removed(inputs)]
    return [answer for answer in found if answer is not None]


def _together(inputs: ReportInputs) -> Answer | None:
    told: list[str] = []
    if inputs.identity is not None and len(inputs.identity):
        rows = inputs.identity[inputs.identity["verdict"].isin(_DOUBTFUL)].drop_duplicates(["sample", "verdict"])
        for verdict in _DOUBTFUL:
            who = rows.loc[rows["verdict"] == verdict, "sample"]
            if len(who):
                told.append(words.sentence(f"{words.phrase(verdict)} by sex genes: {words.series(who, most=6)}"))
        if not told:
            told.append(
                "Sex genes speak against none of them."
                if (inputs.identity["verdict"] == "consistent").any()
                else "Sex genes could not be read in any of them."
            )
    alike = inputs.sample_similarity
    if alike is not None and len(alike):
        of = alike[alike["rank_own"].notna()]
        nearest = int((of["rank_own"] == 1).sum())
        if len(of):
            told.append(
                f"{nearest} of {words.count(len(of), 'sample')} with another of the same {inputs.unit} "
                f"{words.verb(nearest, 'resembles', 'resemble')} that one most."
            )
        far = of.loc[of["rank_own"] != 1, "sample"]
        if len(far):
            told.append(f"Nearer to another {inputs.unit}'s: {words.series(far, most=6)}.")
        out = alike.loc[alike["outlier"].astype(bool), "sample"]
        told.append(f"Unlike all others: {words.series(out, most=6)}." if len(out) else "None is unlike all others.")
    if not told:
        return None
    question = f"Do the samples of a {inputs.unit} belong together?"
    return Answer(question, tuple(told), "alike" if alike is not None else "identity", "the check")


def _alike(inputs: ReportInputs) -> Answer | None:
    if inputs.pairs is None:
        return None
    told: list[str] = []
    for view in select.contrasts(inputs):
        rows = inputs.pairs[inputs.pairs["contrast"] == view.name]
        complete = int(rows["complete"].fillna(False).astype(bool).sum())
        if not view.paired or rows.empty:
            continue
        told.append(_pair_words(inputs, view, complete, len(rows)))
    return Answer("Can before and after be compared?", tuple(told), "pairs", "each pair") if told else None


def _pair_words(inputs: ReportInputs, view: select.ContrastView, complete: int, total: int) -> str:
    text = f"{view.test} against {view.reference}: {complete} of {words.count(total, 'pair')} complete"
    deep = select.depth_notes(inputs, view.name)
    other = select.different_pairs(inputs, view.name)
    if deep:
        who = words.series((block for block, _ in deep), most=6)
        text += (
            f"; {len(deep)} with one side at least twice as deep ({who}), which alone would shift detected genes, "
            "antigens and scores"
        )
    if len(other):
        who = words.series((select.block_name(block) for block in other["block"]), most=6)
        text += f"; {len(other)} that {words.verb(len(other), 'differs', 'differ')} in more than time ({who})"
    if complete and not deep and not len(other):
        text += "; none differs in tissue, sort gate, chemistry or depth as far as the tables tell"
    return words.sentence(text)


def _removed(inputs: ReportInputs) -> Answer | None:
    frame = inputs.cell_filters
    if frame is None or frame.empty:
        return None
    every = frame[frame["filter"] == ANY].sort_values(["share", "sample"], kind="stable")
    least, most = _row(every.iloc[0]), _row(every.iloc[-1])
    told = [
        f"Between {words.percent(least['share'])} % ({least['sample']}) and {words.percent(most['share'])} % "
        f"({most['sample']}) of a sample's barcodes."
        if len(every) > 1
        else f"{words.percent(most['share'])} % of the barcodes."
    ]
    own = frame[(frame["sample"] == most["sample"]) & (frame["filter"] != ANY)]
    if len(own) and most["share"] > 0:
        top = _row(own.sort_values(["n_cells", "filter"], ascending=[False, True], kind="stable").iloc[0])
        told.append(f"There most failed: {filter_words(str(top['filter']))} ({words.whole(top['n_cells'])} barcodes).")
    return Answer("What did the filters remove?", tuple(told), "distributions", "each filter")


def _row(row: pd.Series) -> dict[str, Any]:
    return {str(key): value for key, value in row.items()}
