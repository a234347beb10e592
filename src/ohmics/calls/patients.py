"""A cohort's cells, sheet and pairs come in; the antigen calls of every patient, and what was skipped, go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData

from ohmics.calls.antigen import Pair, Panel, call_pair
from ohmics.calls.antigen_depth import by_depth, expected_range
from ohmics.calls.backgrounds import background_mask, background_types, malignant_mask
from ohmics.calls.populations import Floats, Population, population
from ohmics.calls.rules import AntigenRules
from ohmics.errors import listing
from ohmics.stats.multiple import benjamini_hochberg_by_family
from ohmics.tables import ANTIGEN, ANTIGEN_DEPTH, ANTIGEN_PRESENTATION, PAIRS, SAMPLES, SKIPPED, check, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

STAGE = "antigen"
PRESENTATION_GENES = ("B2M", "HLA-A", "HLA-B", "HLA-C", "TAP1", "TAP2", "NLRC5")
IFN_GAMMA_GENES = ("IFNGR1", "IFNGR2", "JAK1", "JAK2")
TARGET, ALTERNATIVE, PRESENTATION, IFN_GAMMA = "target", "alternative", "presentation", "ifn_gamma"
"""Roles of a row, and families of tests: q is Benjamini-Hochberg over all patients of one."""
_ALIKE = ("tissue", "enrichment", "chemistry")
RESEARCH = "An alternative target is research information, no recommendation."


class AntigenCalls(NamedTuple):
    """Tables ANTIGEN, ANTIGEN_PRESENTATION, SKIPPED and ANTIGEN_DEPTH of a cohort."""

    antigen: pd.DataFrame
    presentation: pd.DataFrame
    skipped: pd.DataFrame
    depth: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Wanted:
    """One antigen to call: its name in the table, its genes, its role."""

    name: str
    genes: tuple[str, ...]
    role: str


@dataclass(frozen=True, slots=True)
class _Settings:
    """What every call of a cohort shares."""

    sheet: pd.DataFrame
    catalog: Catalog
    rules: AntigenRules
    n_matched: int
    seed: int


@dataclass(frozen=True, slots=True)
class TwoSamples:
    """Two samples of one patient, and in which columns of the sheet they differ."""

    patient: str
    pre: str
    post: str
    differs: tuple[str, ...]


def call_antigens(
    adatas: Mapping[str, AnnData],
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    catalog: Catalog,
    rules: AntigenRules | None = None,
    n_matched: int = 200,
    seed: int = 0,
) -> AntigenCalls:
    """Call the target antigen, its alternatives and HLA class I presentation in every patient with a pair of samples.

    Parameters
    ----------
    adatas
        Sample to its cells: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``malignant`` (boolean,
        empty when unknown) and ``cell_type``. Read one pair at a time, so a mapping that loads on access keeps
        memory bounded.
    samples
        SAMPLES: patient, target_antigen (several joined by ``;``), chemistry, tissue, enrichment.
    pairs
        PAIRS: the reference samples are before, the test samples after. A pair that stands in several contrasts is
        called once. With several samples of a patient on a side, those that differ in nothing are called; only
        where none do, all are, and each reason says in what they differ.
    catalog
        Antigens, lineage panels and cell types.
    rules, n_matched, seed
        As in `ohmics.call_antigen`.

    Returns
    -------
    AntigenCalls
        ``antigen`` (ANTIGEN: targets, then alternatives), ``presentation`` (ANTIGEN_PRESENTATION: HLA class I, then
        the response to IFN-gamma), ``skipped`` (SKIPPED) and ``depth`` (ANTIGEN_DEPTH, of targets). ``q`` is
        Benjamini-Hochberg over the patients' assessable calls of one role. Ambient RNA is told by T, NK and myeloid
        cells as far as they cannot express the antigen; nothing normal lacks class I or the receptors of IFN-gamma, so
        that their ambient share stays unknown.

    Raises
    ------
    OhmicsError
        When a table is no SAMPLES or PAIRS, or counts are not raw.
    """
    check(samples, SAMPLES)
    check(pairs, PAIRS)
    settings = _Settings(samples.set_index("sample", drop=False), catalog, rules or AntigenRules(), n_matched, seed)
    rows: list[dict[str, Any]] = []
    depths: list[dict[str, Any]] = []
    missed: list[dict[str, str]] = []
    for two in patient_pairs(settings.sheet, pairs, missed):
        absent = [sample for sample in (two.pre, two.post) if sample not in adatas]
        if absent:
            missed.append(skipped(STAGE, f"no cells of sample {listing(absent)}", subject=two.patient))
            continue
        found, by_bin = _call(two, adatas[two.pre], adatas[two.post], settings, missed)
        rows += found
        depths += by_bin
    return tables_of(rows, depths, missed)


def tables_of(rows: list[dict[str, Any]], depths: list[dict[str, Any]], missed: list[dict[str, str]]) -> AntigenCalls:
    """Return the tables of a cohort's rows: q over the patients' calls of one role, rows by role.

    Parameters
    ----------
    rows, depths, missed
        Rows of ANTIGEN (with ``role``), ANTIGEN_DEPTH and SKIPPED.
    """
    q = benjamini_hochberg_by_family([row["p"] for row in rows], [row["role"] for row in rows])
    for row, value in zip(rows, q, strict=True):
        row["q"] = value

    def of(*roles: str) -> list[dict[str, Any]]:
        return [row for role in roles for row in rows if row["role"] == role]

    return AntigenCalls(
        ANTIGEN.conform(of(TARGET, ALTERNATIVE)),
        ANTIGEN_PRESENTATION.conform(of(PRESENTATION, IFN_GAMMA)),
        SKIPPED.conform(one_row_a_key(missed)),
        ANTIGEN_DEPTH.conform(depths),
    )


def thresholds(rules: AntigenRules, n_matched: int) -> str:
    """Return the thresholds of a call as text: name=value, joined by |."""
    values = {**asdict(rules), "n_matched": n_matched}
    return "|".join(f"{name}={value:g}" for name, value in values.items())


def one_row_a_key(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows of SKIPPED with the reasons of one key in one row: several pairs of a patient may lack the same."""
    reasons: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        told = reasons.setdefault(tuple(row[name] for name in SKIPPED.key), [])
        if row["reason"] not in told:
            told.append(row["reason"])
    return [{**dict(zip(SKIPPED.key, key, strict=True)), "reason": "; ".join(told)} for key, told in reasons.items()]


def patient_pairs(
    sheet: pd.DataFrame, pairs: pd.DataFrame, missed: list[dict[str, str]], *, stage: str = STAGE
) -> Iterator[TwoSamples]:
    """Yield each patient's two samples once, in the order of PAIRS.

    Parameters
    ----------
    sheet
        SAMPLES, indexed by sample.
    pairs
        PAIRS; the reference samples are before, the test samples after.
    missed
        Rows of SKIPPED are added here.
    stage
        Stage named in these rows.
    """
    seen: set[tuple[str, str]] = set()
    for row in pairs.to_dict("records"):
        if not bool(row["complete"]):
            continue
        sides = [str(row[side] or "").split("|") for side in ("reference_samples", "test_samples")]
        unknown = sorted(set(chain(*sides)) - set(sheet.index))
        if unknown:
            missed.append(skipped(stage, f"the sheet has no sample {listing(unknown)}", subject=str(row["subject"])))
            continue
        found = [
            TwoSamples(_text(sheet, pre, "patient"), pre, post, _differences(sheet, pre, post))
            for pre, post in product(*sides)
            if _text(sheet, pre, "patient") == _text(sheet, post, "patient") and pre != post
        ]
        alike = [two for two in found if not two.differs]
        for two in found:
            if (two.pre, two.post) in seen:
                continue
            if alike and two.differs:
                why = f"{two.pre} and {two.post} differ in {listing(two.differs)}; a pair of the patient does not"
                missed.append(skipped(stage, why, subject=two.patient))
                continue
            seen.add((two.pre, two.post))
            yield two


def _differences(sheet: pd.DataFrame, pre: str, post: str) -> tuple[str, ...]:
    texts = {name: (_text(sheet, pre, name), _text(sheet, post, name)) for name in _ALIKE}
    return tuple(name for name, (one, other) in texts.items() if one and other and one != other)


def _text(sheet: pd.DataFrame, sample: str, column: str) -> str:
    value = sheet.loc[sample].get(column)
    return value.strip() if isinstance(value, str) else ""


def wanted(sheet: pd.DataFrame, two: TwoSamples, catalog: Catalog, missed: list[dict[str, str]]) -> Iterator[Wanted]:
    """Yield the target antigens of the two samples and their alternatives."""
    text = ";".join(_text(sheet, sample, "target_antigen").replace("|", ";") for sample in (two.pre, two.post))
    names = list(dict.fromkeys(name.strip() for name in text.split(";") if name.strip()))
    if not names:
        why = "the sheet names no target antigen"
        missed.append(skipped(STAGE, why, subject=two.patient, item="target antigen"))
    known = {key.lower(): entry for entry in catalog.antigens.values() for key in (*entry.genes, entry.antigen)}
    of_gene = {entry.genes[0]: entry.antigen for entry in catalog.antigens.values() if len(entry.genes) == 1}
    taken: set[str] = set()
    alternatives: dict[str, None] = {}
    for name in names:
        entry = known.get(name.lower())
        genes = entry.genes if entry is not None else (name,)
        taken |= set(genes)
        alternatives |= dict.fromkeys(entry.alternatives if entry is not None else ())
        for gene in genes:
            # A ganglioside goes with any of the enzymes that make it: each is called by itself.
            yield Wanted(name if len(genes) == 1 else f"{name} ({gene})", (gene,), TARGET)
    for gene in alternatives:
        if gene not in taken:
            yield Wanted(of_gene.get(gene, gene), (gene,), ALTERNATIVE)


def _call(
    two: TwoSamples, pre: AnnData, post: AnnData, settings: _Settings, missed: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of ANTIGEN and of ANTIGEN_DEPTH of one pair of samples."""
    unmarked = [name for name, adata in ((two.pre, pre), (two.post, post)) if not malignant_mask(adata.obs).any()]
    if unmarked:
        why = f"no cell of {listing(unmarked)} is known to be malignant"
        missed.append(skipped(STAGE, why, cell_type="malignant", subject=two.patient))
        return [], []
    both = _Both(pre, post, two)
    rows: list[dict[str, Any]] = []
    depths: list[dict[str, Any]] = []
    panels = chain(
        wanted(settings.sheet, two, settings.catalog, missed),
        (Wanted(gene, (gene,), PRESENTATION) for gene in PRESENTATION_GENES),
        (Wanted(gene, (gene,), IFN_GAMMA) for gene in IFN_GAMMA_GENES),
    )
    for one in panels:
        absent = [gene for gene in one.genes if gene not in both.genes]
        if absent:
            why = f"the data of {two.pre} and {two.post} hold no gene {listing(absent)}"
            missed.append(skipped(STAGE, why, cell_type="malignant", subject=two.patient, item=one.name))
            continue
        row = _row(one, both, two, settings)
        rows.append(row)
        if one.role == TARGET:
            found = by_depth(both.tumours[0], both.tumours[1], one.genes, row)
            depths += [{**each, "patient": two.patient} for each in found]
    return rows, depths


def _row(one: Wanted, both: _Both, two: TwoSamples, settings: _Settings) -> dict[str, Any]:
    pair = both.pair(background_types(one.genes, settings.catalog), settings.sheet)
    panel = next((Panel(name=lineage.name, genes=lineage.genes) for lineage in settings.catalog.lineages.values()
                  if set(one.genes) & set(lineage.genes)), None)  # fmt: skip
    row: dict[str, Any] = call_pair(
        pair, antigen=one.name, genes=one.genes, n_matched=settings.n_matched, panel=panel, rules=settings.rules,
        seed=settings.seed,
    )  # fmt: skip
    unlike = [name for name in two.differs if name != "chemistry"]
    if unlike:
        row["reason"] = f"{row['reason']} The samples differ in {listing(unlike)}."
    if one.role == ALTERNATIVE:
        row["reason"] = f"{row['reason']} {RESEARCH}"
    low, high = expected_range(row, min_null_sd=settings.rules.min_null_sd)
    return row | {
        "patient": two.patient,
        "pre_sample": two.pre,
        "post_sample": two.post,
        "role": one.role,
        "expected_low": low,
        "expected_high": high,
        "thresholds": thresholds(settings.rules, settings.n_matched),
    }


class _Both:
    """Two samples on their common genes; populations are summed once, whatever the number of antigens."""

    def __init__(self, pre: AnnData, post: AnnData, two: TwoSamples) -> None:
        self.two = two
        self.genes = pre.var_names[pre.var_names.isin(post.var_names)]
        same = len(self.genes) == pre.n_vars == post.n_vars and list(pre.var_names) == list(post.var_names)
        self._adatas = [adata if same else adata[:, self.genes] for adata in (pre, post)]
        names = (two.pre, two.post)
        self._whole = [population(adata, where=name) for adata, name in zip(self._adatas, names, strict=True)]
        self.tumours = [
            _part(whole, malignant_mask(adata.obs)) for whole, adata in zip(self._whole, self._adatas, strict=True)
        ]
        self._backgrounds: dict[frozenset[str], list[Population | None]] = {}

    def pair(self, types: frozenset[str], sheet: pd.DataFrame) -> Pair:
        """Return the malignant cells with those of the given types as background."""
        if types not in self._backgrounds:
            masks = [background_mask(adata.obs, types) for adata in self._adatas]
            self._backgrounds[types] = [
                _part(whole, mask) if mask.any() else None for whole, mask in zip(self._whole, masks, strict=True)
            ]
        background = self._backgrounds[types]
        soup: list[Floats] = [whole.sums for whole in self._whole]
        return Pair(
            pre=self.tumours[0],
            post=self.tumours[1],
            background_pre=background[0],
            background_post=background[1],
            soup_pre=soup[0],
            soup_post=soup[1],
            chemistry_pre=_text(sheet, self.two.pre, "chemistry"),
            chemistry_post=_text(sheet, self.two.post, "chemistry"),
        )


def _part(whole: Population, mask: npt.NDArray[np.bool_]) -> Population:
    return Population(whole.counts[np.flatnonzero(mask)], whole.genes, whole.counted)
