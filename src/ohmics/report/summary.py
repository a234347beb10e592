"""Tables come in, the sentences of a page's first screen go out: built from numbers that stand in the tables."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics.report import findings, select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import TableView

_USABLE = ("use", "use_with_care")


@dataclass(frozen=True, slots=True)
class Link:
    """A name and the row of this page it leads to."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class Card:
    """A count in the first screen."""

    verdict: str
    value: int
    label: str


@dataclass(frozen=True, slots=True)
class VerdictGroup:
    """The mechanisms of a contrast that share a verdict."""

    verdict: str
    lead: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ContrastSummary:
    """What one contrast gave, in words."""

    contrast: select.ContrastView
    sentence: str
    cards: tuple[Card, ...]
    findings: TableView
    groups: tuple[VerdictGroup, ...]
    cautions: tuple[str, ...]


def sample_sentence(inputs: ReportInputs) -> str:
    """Return how many samples of how many patients are usable."""
    patients = inputs.samples["patient"].nunique()
    total = f"{words.count(len(inputs.samples), 'sample')} of {words.count(patients, inputs.unit)}"
    if inputs.qc is None:
        return f"The run holds {total}; no quality table was made."
    verdicts = _verdicts(inputs)
    usable = int(verdicts.isin(_USABLE).sum())
    care = int((verdicts == "use_with_care").sum())
    text = f"{usable:,} of {total} {'is' if usable == 1 else 'are'} usable"
    return text + (f", {care} of them with care." if care else ".")


def _verdicts(inputs: ReportInputs) -> pd.Series:
    if inputs.qc is None:
        return pd.Series(dtype=object)
    return inputs.qc.set_index("sample")["verdict"].reindex(inputs.samples["sample"])


def sample_cards(inputs: ReportInputs) -> list[Card]:
    """Return the number of samples of each verdict."""
    verdicts = _verdicts(inputs)
    cards = [Card(name, int((verdicts == name).sum()), words.phrase(name)) for name in (*_USABLE, "excluded")]
    unknown = int(verdicts.isna().sum()) if len(verdicts) else len(inputs.samples)
    return [*cards, *([Card("not_assessable", unknown, "without a verdict")] if unknown else [])]


def flagged_samples(inputs: ReportInputs, verdict: str) -> list[tuple[str, str]]:
    """Return each sample of that verdict with its reasons in words."""
    if inputs.qc is None:
        return []
    rows = inputs.qc[inputs.qc["verdict"] == verdict]
    return [
        (str(r.sample), "; ".join(words.split(r.flags, ";")) or "no reason was recorded")
        for r in rows.itertuples(index=False)
    ]


def identity_sentence(inputs: ReportInputs) -> str:
    """Return how many of the looks at XIST and Y genes agreed."""
    if inputs.identity is None or inputs.identity.empty:
        return ""
    counted = inputs.identity["verdict"].value_counts(sort=False)
    each = "sample" if inputs.bulk else "sample and cell type"
    order = ("mismatch", "possible_chimerism_or_loss_of_y", "consistent", "not_assessable")
    parts = [f"{counted[name]} {words.phrase(name)}" for name in order if name in counted.index]
    return f"Of {len(inputs.identity):,} looks (one a {each}): {words.series(parts)}."


def qc_cautions(inputs: ReportInputs) -> list[str]:
    """Return what a reader of the QC page must know before the details."""
    found = []
    if inputs.identity is not None:
        doubtful = inputs.identity[inputs.identity["verdict"].isin(["mismatch", "possible_chimerism_or_loss_of_y"])]
        for row in doubtful.drop_duplicates(["patient", "sample"]).itertuples(index=False):
            found.append(
                words.sentence(
                    f"{row.sample!s} (patient {row.patient!s}): {words.phrase(row.verdict)}. {_or_empty(row.reason)}"
                )
            )
    for contrast in select.contrasts(inputs):
        limits = [*_pair_cautions(inputs, contrast), *_depth_cautions(inputs, contrast)]
        found += [f"{contrast.name}: {text}" for text in limits]
    return found


def _or_empty(value: object) -> str:
    return "" if words.is_missing(value) else str(value)


def contrast_summary(inputs: ReportInputs, contrast: select.ContrastView) -> ContrastSummary:
    """Return what a contrast gave: counts, names and cautions."""
    rows = select.cohort_evidence(inputs, contrast.name)
    names = select.names(inputs)
    groups, cards = [], []
    sentence = "No verdict was made in this run." if rows is None or rows.empty else ""
    if rows is not None and not rows.empty:
        parts: list[str] = []
        for verdict in ("supported", "contradicted", "open", "not_assessable"):
            own = rows[rows["verdict"] == verdict]
            links = tuple(Link(names.get(m, m), words.row_id(f"verdicts-{contrast.name}", m)) for m in own["mechanism"])
            if verdict in ("open", "not_assessable"):
                groups.append(VerdictGroup(verdict, _lead(own), links))
            cards.append(Card(verdict, len(own), words.phrase(verdict)))
            verb = "" if parts else "is " if len(own) == 1 else "are "
            parts.append(f"{len(own)} {verb}{words.phrase(verdict)}")
        sentence = f"Of {words.count(len(rows), 'mechanism')}, {words.series(parts)}."
    sentence = " ".join(part for part in (_complete_pairs(inputs, contrast), sentence) if part)
    return ContrastSummary(
        contrast=contrast,
        sentence=sentence,
        cards=tuple(cards),
        findings=findings.finding_table(inputs, contrast),
        groups=tuple(groups),
        cautions=tuple(cautions(inputs, contrast)),
    )


def _complete_pairs(inputs: ReportInputs, contrast: select.ContrastView) -> str:
    """Return how many pairs have both sides; empty for a contrast that is not paired."""
    if inputs.pairs is None or not contrast.paired:
        return ""
    rows = inputs.pairs[inputs.pairs["contrast"] == contrast.name]
    if rows.empty:
        return ""
    whole = rows[rows["complete"].fillna(False).astype(bool)]
    units = words.count(whole["subject"].nunique(), inputs.unit)
    both = "has" if len(whole) == 1 else "have"
    return f"{len(whole)} of {words.count(len(rows), 'pair')} {both} a usable sample on both sides, from {units}."


def _lead(rows: pd.DataFrame) -> str:
    kinds = rows["sub_reason"].dropna()
    return words.series(f"{number} {words.kind(kind)}" for kind, number in kinds.value_counts(sort=False).items())


def cautions(inputs: ReportInputs, contrast: select.ContrastView) -> list[str]:
    """Return what limits a contrast: few units, shared genes, pairs that differ, composition, samples left out."""
    verdicts = select.cohort_evidence(inputs, contrast.name)
    told = (
        *findings.caution_sentences(verdicts),
        findings.few_units_sentence(inputs, contrast),
        findings.tied_sentence(inputs, contrast),
        findings.methods_disagree_sentence(inputs, contrast),
        findings.shared_genes_sentence(verdicts),
    )
    found = [*filter(None, told), *_pair_cautions(inputs, contrast), *_depth_cautions(inputs, contrast)]
    found += _composition_cautions(inputs, contrast)
    out = flagged_samples(inputs, "excluded")
    if out:
        listed = "; ".join(f"{name} ({reason})" for name, reason in out[:4])
        more = f"; and {len(out) - 4} more" if len(out) > 4 else ""
        found.append(words.sentence(f"{words.count(len(out), 'sample')} left out: {listed}{more}"))
    return found


def _composition_cautions(inputs: ReportInputs, contrast: select.ContrastView) -> list[str]:
    """Return why the composition of some cell types or units was not tested, one sentence a reason."""
    told = []
    for reason, rows in select.composition_skipped(inputs, contrast.name).groupby("reason", sort=False):
        given = {name: list(dict.fromkeys(rows[name].dropna().astype(str))) for name in ("cell_type", "subject")}
        of = f" of {words.series(given['cell_type'], most=5)}" if given["cell_type"] else ""
        whom = f" for {words.series(given['subject'], most=5)}" if given["subject"] else ""
        why = str(reason).replace("(patient)", f"{inputs.unit}s")
        told.append(words.sentence(f"composition{of}, not tested{whom}: {why}"))
    return told[:3]


def _pair_cautions(inputs: ReportInputs, contrast: select.ContrastView) -> list[str]:
    if inputs.pairs is None:
        return []
    complete = inputs.pairs[
        (inputs.pairs["contrast"] == contrast.name) & inputs.pairs["complete"].fillna(False).astype(bool)
    ]
    different = select.different_pairs(inputs, contrast.name)
    if complete.empty and contrast.paired:
        return ["No complete pair, so nothing was compared within a patient."]
    if different.empty:
        return []
    listed = "; ".join(
        f"{select.block_name(row.block)} ({words.in_words(words.split(row.differs_in))})"
        for row in different.head(8).itertuples(index=False)
    )
    more = f"; and {len(different) - 8} more" if len(different) > 8 else ""
    return [
        f"{len(different)} of {words.count(len(complete), 'pair')} "
        f"{'differs' if len(different) == 1 else 'differ'} in more than the contrast: {listed}{more}."
        " A change there may come from that difference."
    ]


def _depth_cautions(inputs: ReportInputs, contrast: select.ContrastView) -> list[str]:
    noted = select.depth_notes(inputs, contrast.name)
    if not noted or inputs.pairs is None:
        return []
    rows = inputs.pairs[inputs.pairs["contrast"] == contrast.name]
    complete = int(rows["complete"].fillna(False).astype(bool).sum())
    listed = "; ".join(f"{block}: {note}" for block, note in noted[:4])
    more = f"; and {len(noted) - 4} more" if len(noted) > 4 else ""
    return [
        f"Depth: {len(noted)} of {words.count(complete, 'pair')} {'has' if len(noted) == 1 else 'have'} one side much "
        f"deeper than the other ({contrast.reference} against {contrast.test}). {listed}{more}. Scores are compared "
        "after thinning both sides to one depth."
    ]
