"""A config in; what was understood of its sheet, matrices and contrasts, or every fault of them at once, out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import pandas as pd
from anndata import AnnData

from ohmics._outcome_values import all_outcome_faults
from ohmics.errors import Faults, OhmicsError, did_you_mean, listing
from ohmics.intake.bulk_samples import read_bulk
from ohmics.intake.config import Config
from ohmics.intake.config_input import InputConfig
from ohmics.intake.contrast_words import describe_contrast, design_rows
from ohmics.intake.contrasts import contrast_faults
from ohmics.intake.extra_tables import extra_faults
from ohmics.intake.files import exists, size_of
from ohmics.intake.names import name_faults
from ohmics.intake.outcomes import describe_outcomes
from ohmics.intake.pairing import describe_pairs, resolve_pairs
from ohmics.intake.reading import read
from ohmics.intake.resources import antigen_genes

FULL_READ = 200 * 2**20
"""Bytes of single-cell input up to which every file is read whole."""
PROBE_CELLS = 2_000
"""Cells read of each file beyond that; `ohmics.read` looks at every value when the run starts."""


_Job: TypeAlias = tuple[str, tuple[str, ...], Callable[[], AnnData]]
"""A path, the samples it holds, and what looks at it."""


@dataclass(frozen=True, kw_only=True)
class MatrixInfo:
    """What one matrix was understood to be.

    ``samples`` are those of the sheet it holds, ``genes`` the names genes go by after mapping; ``partial``
    when only its first cells were read.
    """

    path: str
    samples: tuple[str, ...]
    observations: int
    partial: bool
    kind: str
    orientation: str
    mapping: str
    format: str
    transgenes: tuple[str, ...]
    genes: frozenset[str]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """SAMPLES, PAIRS and DESIGN of a run and, as sentences, what was understood and what will not be testable."""

    samples: pd.DataFrame
    pairs: pd.DataFrame
    design: pd.DataFrame
    notes: tuple[str, ...]
    matrices: tuple[MatrixInfo, ...] = ()


def check_run(config: Config, *, methods: Collection[str] = (), of_cohorts: Collection[str] = ()) -> CheckResult:
    """Look at everything a run reads before it runs.

    The sheet, the contrasts and every matrix are looked at, and all faults raised at once. A bulk matrix
    is read whole, and so are single-cell files of together up to 200 MB; of larger cohorts every file's
    genes and first 2,000 cells are read, and the notes say so.

    Parameters
    ----------
    config
        The configuration.
    methods
        Names that ``score.methods`` may hold; not checked when empty.
    of_cohorts
        Methods among them that compare samples with each other; refused for single-cell runs.

    Raises
    ------
    OhmicsError
        With every fault of sheet, contrasts and matrices.
    """
    faults = Faults()
    samples: pd.DataFrame | None = None
    try:
        samples = config.input.read_sheet()
    except OhmicsError as error:
        faults.extend(error.faults)
    faults.extend(name_faults(config, methods=methods, of_cohorts=of_cohorts))
    matrices = _matrices(config, samples, faults)
    pairs = pd.DataFrame()
    if samples is not None:
        found = contrast_faults(samples, config.contrasts, where="config, key contrasts")
        faults.extend(found)
        faults.extend(all_outcome_faults(samples, config.outcomes, config.contrasts, where="config, key outcomes"))
        _check_antigens(samples, matrices, faults)
        faults.extend(extra_faults(config.input, config.lineage.clonal_column, samples["sample"].astype(str).tolist()))
        if not found:
            pairs = resolve_pairs(samples, config.contrasts)
    _check_transgenes(config, matrices, faults)
    faults.raise_if_any()
    if samples is None:  # a sheet that could not be read has left a fault
        raise OhmicsError("the sample sheet could not be read")
    notes = [
        *_describe_samples(samples),
        *_describe_matrices(config, matrices),
        *_describe_contrasts(config, samples, pairs),
    ]
    design, sentences = design_rows(samples, config.contrasts)
    notes += [*sentences, *describe_outcomes(samples, config.outcomes, config.contrasts)]
    return CheckResult(samples=samples, pairs=pairs, design=design, notes=tuple(notes), matrices=tuple(matrices))


def _describe_contrasts(config: Config, samples: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    if not config.contrasts:
        return ["no contrast is given: samples are described and scored, nothing is compared"]
    lines = [line for contrast in config.contrasts for line in describe_contrast(samples, contrast)]
    lines += describe_pairs(pairs, config.contrasts)
    complete = pairs[pairs["complete"].astype(bool)].groupby("contrast")["subject"].nunique()
    for contrast in config.contrasts:
        if contrast.label == f"{contrast.reference}_vs_{contrast.test}":
            lines.append(
                f"{contrast.label}: effects are test minus reference, that is {contrast.test} minus "
                f"{contrast.reference}; the name says the opposite, are test and reference exchanged?"
            )
        count = int(complete.get(contrast.label, 0))
        if contrast.blocks and count < config.de.min_pairs:
            lines.append(
                f"{contrast.label}: differential expression is not tested, {count} complete pairs are fewer than "
                f"de.min_pairs ({config.de.min_pairs})"
            )
    return lines


def _matrices(config: Config, samples: pd.DataFrame | None, faults: Faults) -> list[MatrixInfo]:
    given = config.input
    if given.modality == "bulk":
        jobs = _bulk_jobs(given, samples)
    elif samples is None:
        jobs = []
    else:
        size = sum(size_of(path) for path in dict.fromkeys(samples["path"]))
        rows = None if size <= FULL_READ else PROBE_CELLS
        jobs = [
            (path, (name,), partial(_cells, given, path, name, rows))
            for name, path in zip(samples["sample"], samples["path"], strict=True)
        ]
    found = []
    for path, held, look in jobs:
        try:
            adata = look()
        except OhmicsError as error:
            faults.extend(error.faults)
            continue
        intake = adata.uns["ohmics"]["intake"]
        found.append(
            MatrixInfo(
                path=path,
                samples=held,
                observations=adata.n_obs,
                partial=intake["truncated"],
                kind=intake["gene_ids"],
                orientation=intake["orientation"],
                mapping=intake["mapping_sentence"],
                format=intake["format"],
                transgenes=tuple(intake["transgenes"]),
                genes=frozenset(adata.var_names),
                notes=tuple(intake["notes"]),
            )
        )
    return found


def _cells(given: InputConfig, path: str, sample: str, rows: int | None) -> AnnData:
    return read(
        path,
        modality=given.modality,
        gene_ids=given.gene_ids,
        transgenes=given.transgenes,
        sample=sample,
        rows=rows,
        sample_column=given.sample_column,
        fractions=given.fractions,
    )


def _bulk_jobs(given: InputConfig, samples: pd.DataFrame | None) -> list[_Job]:
    """Return what looks at the counts of bulk samples: of the sheet's, or of a matrix whose sheet is wrong."""
    if samples is None:
        if given.matrix is None or not exists(given.matrix):
            return []
        look = partial(
            read, given.matrix, modality="bulk", gene_ids=given.gene_ids, transgenes=given.transgenes,
            orientation=given.orientation, strandedness=given.strandedness, transcripts=given.transcripts,
            fractions=given.fractions,
        )  # fmt: skip
        return [(given.matrix, (), look)]
    paths = list(dict.fromkeys(str(path) for path in samples["path"]))
    if not all(exists(path) for path in paths):
        return []
    look = partial(
        read_bulk, samples, gene_ids=given.gene_ids, orientation=given.orientation, transgenes=given.transgenes,
        strandedness=given.strandedness, transcripts=given.transcripts, fractions=given.fractions,
    )  # fmt: skip
    return [(paths[0], tuple(samples["sample"]), look)]


def _antigens(samples: pd.DataFrame) -> dict[str, list[str]]:
    """Return each target antigen and its samples; a cell may name several, joined by ; or |."""
    found: dict[str, list[str]] = defaultdict(list)
    if "target_antigen" in samples:
        for sample, text in zip(samples["sample"], samples["target_antigen"], strict=True):
            for antigen in (text or "").replace("|", ";").split(";"):
                if antigen.strip():
                    found[antigen.strip()].append(sample)
    return found


def _check_antigens(samples: pd.DataFrame, matrices: Iterable[MatrixInfo], faults: Faults) -> None:
    for antigen, members in _antigens(samples).items():
        try:
            genes = antigen_genes(antigen)
        except OhmicsError as error:
            faults.extend(error.faults)
            continue
        lacking = [
            sample for info in matrices if not info.genes & set(genes) for sample in info.samples if sample in members
        ]
        if lacking:
            faults.add(
                f"target antigen {antigen} cannot be judged: {' and '.join(genes)} "
                f"{'is' if len(genes) == 1 else 'are'} not among the genes of {listing(lacking)}",
                where="matrix",
                remedy="give a matrix with every gene that was counted, or correct target_antigen",
            )


def _check_transgenes(config: Config, matrices: list[MatrixInfo], faults: Faults) -> None:
    if not matrices:
        return
    features = sorted(frozenset[str]().union(*(info.genes for info in matrices)))
    for transgene in config.input.transgenes:
        if not any(transgene in info.transgenes for info in matrices):
            faults.add(
                f"transgene `{transgene}` is a feature of no sample",
                where="config, key input.transgenes",
                legal="the names of features in the matrix",
                remedy=did_you_mean(transgene, features),
            )


def _describe_samples(samples: pd.DataFrame) -> list[str]:
    times = ", ".join(f"{name} {count}" for name, count in samples["timepoint"].value_counts(sort=False).items())
    lines = [
        f"{len(samples)} samples of {samples['patient'].nunique()} patients, {samples['modality'].iloc[0]}: {times}"
    ]
    therapies = Counter(samples["therapy"].fillna(""))
    named = ", ".join(f"{name or 'not given'} ({count} samples)" for name, count in therapies.items())
    lines.append(
        f"therapy: {named}" + ("; without it mechanisms of both therapies are weighed" if "" in therapies else "")
    )
    for antigen, members in _antigens(samples).items():
        lines.append(f"target antigen {antigen} ({', '.join(antigen_genes(antigen))}) in {len(members)} samples")
    return lines


def _describe_matrices(config: Config, matrices: list[MatrixInfo]) -> list[str]:
    lines = []
    if config.input.modality == "bulk":
        for info in matrices:
            lines.append(f"matrix: {info.format}, orientation {info.orientation or 'samples in rows'}, {info.mapping}")
            lines += [f"matrix: {note}" for note in info.notes]
    else:
        cells = f"{sum(info.observations for info in matrices):,} cells in {len(matrices)} matrices"
        partial = sum(info.partial for info in matrices)
        if partial:
            cells += f" looked at: of {partial} matrices the first {PROBE_CELLS:,} cells, the rest when the run starts"
        lines.append(cells)
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for info in matrices:
            groups[info.format, info.mapping] += info.samples
        for (form, mapping), members in groups.items():
            who = "every sample" if len(members) == len(matrices) else listing(members, most=3)
            lines.append(f"{form}: {mapping} ({who})")
        notes: dict[str, list[str]] = defaultdict(list)
        for info in matrices:
            for note in info.notes:
                notes[note] += info.samples
        lines += [f"{note} ({listing(members, most=3)})" for note, members in notes.items()]
    for transgene in config.input.transgenes:
        lacking = [name for info in matrices if transgene not in info.transgenes for name in info.samples]
        where = "in every matrix" if not lacking else f"absent from {listing(lacking)}"
        lines.append(f"transgene {transgene}: {where}")
    return lines
