"""The domain's types: contrasts, gene lists, mechanisms and the closed vocabularies they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ohmics.errors import OhmicsError

MODALITIES = ("single_cell", "bulk")
THERAPIES = ("car_t", "ici")
COMPARTMENTS = ("car_t_product", "t_cell", "tumour", "myeloid", "stroma", "systemic")
TIERS = ("core", "additional", "not_assessable")
MEASUREMENTS = ("score", "ratio", "single_gene", "composition", "call", "external")
DIRECTIONS = ("up", "down", "control")
NATURES = ("expression", "composition", "call", "association", "external")
READ_FROM_LISTS = ("expression", "association")
"""Natures of lines that read a gene list: its change, or how it goes with the outcome."""
CALLS = ("antigen", "antigen_presentation", "lineage", "car")
WITH_SUBTYPES = " (with subtypes)"
"""Ends the name of a cell type in COMPOSITION where its row holds the cells of its subtypes too."""
BEYOND_CONTENT = "_beyond_content"
"""Ends the method of a bulk score beyond the content of the cells that carry the programme."""
BEYOND_ESTIMATED = "_beyond_estimated_purity"
"""The same where purity is estimated from expression, which takes out a part of it only: no verdict rests on it."""
CONTENT_OF = {"t_cell": "t_cell", "car_t_product": "t_cell", "tumour": "purity"}
"""Compartment -> what a programme of its cells follows in unsorted bulk, whatever those cells do."""
# score_on holds cell types of cell_markers.tsv and these:
SPECIAL_CELL_TYPES = ("malignant", "car_positive", "bulk")
VERDICTS = ("supported", "contradicted", "open", "not_assessable")
PATIENT_VERDICTS = (
    "supported",
    "contradicted",
    "open",
    "consistent",
    "opposite",
    "within_technical_range",
    "not_assessable",
)
GRADES = ("weak", "moderate", "strong")
ANTIGEN_OF_THE_SAMPLE = "target"
"""Stands for the sample sheet's target antigen where a call names the antigen it reads."""
SIGNATURE = "signature"
"""Name of the signed list of a mechanism: its recommended up list minus its recommended down list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneList:
    """One published or curated list of a mechanism; its key is ``mechanism/name``.

    ``direction`` is that of the genes when resistance operates; a set of a GMT file declares none.
    """

    mechanism: str
    name: str
    direction: Literal["up", "down", "control", ""]
    genes: tuple[str, ...]
    kind: str = "user"
    source: str = ""
    pmid: str = ""
    licence: str = ""
    checked: str = ""
    checked_at: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """``mechanism/name``, or the bare name of a user's list."""
        return f"{self.mechanism}/{self.name}" if self.mechanism else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryLine:
    """The one line of evidence a mechanism stands or falls by, declared before any data are seen.

    ``gene_list`` is a list's name or ``signature``; it is empty when ``nature`` is neither expression nor
    association. ``method`` is a scoring method, or the call's name for a call. ``direction`` is the direction of
    the measured value (not of the genes) when resistance operates; of an association, that of the value in patients
    who do worse. ``margin`` is in between-patient standard deviations of the change. ``antigen`` is the antigen an
    antigen call reads: a name of antigens.tsv, or ``target`` for the sample's own target.
    """

    nature: Literal["expression", "composition", "call", "association", "external"]
    gene_list: str = ""
    method: str = ""
    cell_type: str = ""
    direction: Literal["up", "down"] = "up"
    margin: float = 0.5
    antigen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLine:
    """A further line for a mechanism, or a line against it.

    ``nature`` says of which kind it is; lines of different nature count towards the grade.
    ``mechanism`` names the mechanism whose list is read (empty: the same mechanism); a line against
    names the rival explanation in ``note``. ``method`` names the call, and ``antigen`` what an antigen
    call reads (see `PrimaryLine`).
    """

    nature: Literal["expression", "composition", "call", "association", "external"]
    mechanism: str = ""
    gene_list: str = ""
    cell_type: str = ""
    direction: Literal["up", "down"] = "up"
    note: str = ""
    method: str = ""
    antigen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One way in which a tumour resists, as its YAML file in ``resources/mechanisms`` declares it."""

    id: str
    name: str
    claim: str
    therapies: tuple[str, ...]
    compartment: str
    reviews: tuple[str, ...]
    tier: str
    measurement: tuple[str, ...]
    score_on: tuple[str, ...]
    visible: str
    not_visible: str
    observed_at: str
    gene_lists: tuple[GeneList, ...]
    recommended_up: str = ""
    recommended_down: str = ""
    primary_line: PrimaryLine | None = None
    further_lines: tuple[EvidenceLine, ...] = ()
    lines_against: tuple[EvidenceLine, ...] = ()
    confounders: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    not_assessable_reason: str = ""
    large_sets: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    note: Mapping[str, str] = field(default_factory=dict)

    @property
    def read_beyond_content(self) -> bool:
        """Whether in unsorted bulk the verdict rests on the score beyond content: the claim is about one cell type."""
        line = self.primary_line
        return self.compartment in CONTENT_OF and line is not None and line.cell_type != "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Antigen:
    """A target antigen: its genes, what is known of its loss, and what could be targeted instead."""

    antigen: str
    genes: tuple[str, ...]
    therapies: str = ""
    diseases: tuple[str, ...] = ()
    loss_mechanism: str = ""
    alternatives: tuple[str, ...] = ()
    caveats: str = ""
    detection: str = ""
    normal_expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMarkers:
    """Marker genes of one cell type and its parent type (empty at a root)."""

    cell_type: str
    parent: str = ""
    tissues: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineagePanel:
    """Marker genes of one lineage that a malignant cell may take or leave."""

    name: str
    genes: tuple[str, ...]
    rule: str = ""
    source: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellState:
    """What cells of one state express: in most patients, in some, seldom; other genes of its panel are off."""

    name: str
    malignant: bool
    usual: tuple[str, ...]
    some: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiseasePanel:
    """Malignant cells of one disease and their normal counterparts.

    ``home`` are annotated types that both share, ``possible`` those a tumour cell may take although normal cells take
    them more often; any other named type is no tumour of this disease. ``light_chain``: a clone makes one light chain.
    ``resting``: the normal counterpart hardly divides. ``precursors`` names the annotated type whose
    normal cells come back after therapy and look like the tumour (empty: none does).
    """

    disease: str
    title: str
    names: tuple[str, ...]
    home: tuple[str, ...]
    possible: tuple[str, ...]
    light_chain: bool
    resting: bool
    precursors: str
    states: tuple[CellState, ...]
    source: str = ""
    checked: str = ""

    @property
    def genes(self) -> tuple[str, ...]:
        """Every gene of the panel, sorted."""
        named = {gene for state in self.states for gene in (*state.usual, *state.some, *state.rare)}
        return tuple(sorted(named))


_SEVERAL = "|"


def _values_of(side: object) -> tuple[str, ...]:
    # The text as it stands is a value too: a column may hold it.
    return () if side is None else tuple(dict.fromkeys([str(side), *str(side).split(_SEVERAL)]))


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What is compared with what, and how patients are matched.

    Parameters
    ----------
    name
        Name in every table; ``{test}_vs_{reference}`` when not given.
    variable
        Column of SAMPLES that is contrasted.
    test, reference
        Its two values; an effect is test minus reference. Several values of one side are a list, or text joined by
        ``|`` (``CR|PR``). ``test=None`` makes the variable continuous: an effect is per unit of the variable.
    pair_by
        Column or columns that define a block: samples of one block are compared with each other
        (fixed effects). ``None`` compares groups of unpaired patients.
    random_by
        One column with a random effect, instead of ``pair_by``: patients without a partner take part too.
    interact_with
        Column with two groups whose changes are compared.
    covariates
        Further columns of the model.
    where
        Column to value or values: only these samples take part.
    unit
        The column whose values are the independent replicates; ``patient`` unless said otherwise.

    Examples
    --------
    >>> Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient").name
    'relapse_vs_pre'
    """

    variable: str
    test: str | tuple[str, ...] | list[str] | None = None
    reference: str | tuple[str, ...] | list[str] | None = None
    name: str | None = None
    pair_by: str | tuple[str, ...] | list[str] | None = None
    random_by: str | None = None
    interact_with: str | None = None
    covariates: str | tuple[str, ...] | list[str] = ()
    where: Mapping[str, object] | None = None
    unit: str = "patient"

    def __post_init__(self) -> None:
        if (self.test is None) != (self.reference is None):
            raise OhmicsError(
                f"contrast on `{self.variable}`: give both test and reference, or neither for a continuous variable"
            )
        for side in ("test", "reference"):
            value = getattr(self, side)
            if isinstance(value, (tuple, list)):
                if not value:
                    raise OhmicsError(f"contrast on `{self.variable}`: {side} is an empty list")
                object.__setattr__(self, side, _SEVERAL.join(str(one) for one in value))
        both = [value for value in self.test_values if value in self.reference_values]
        if both:
            raise OhmicsError(f"contrast on `{self.variable}`: test and reference are both `{both[0]}`")
        if self.pair_by and self.random_by:
            raise OhmicsError(
                f"contrast on `{self.variable}`: pair_by (fixed blocks) and random_by (random effect)"
                " exclude each other"
            )
        blocks = (self.pair_by,) if isinstance(self.pair_by, str) else tuple(self.pair_by or ())
        covariates = (self.covariates,) if isinstance(self.covariates, str) else tuple(self.covariates)
        sides = [str(side).replace(_SEVERAL, "_") for side in (self.test, self.reference)]
        name = self.name or (self.variable if self.test is None else f"{sides[0]}_vs_{sides[1]}")
        if not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
            raise OhmicsError(
                f"contrast name `{name}` may hold letters, digits, dot, dash and underscore only; give it a `name`"
            )
        object.__setattr__(self, "pair_by", blocks or None)
        object.__setattr__(self, "covariates", covariates)
        object.__setattr__(self, "name", name)

    @property
    def test_values(self) -> tuple[str, ...]:
        """Every value of the variable on the test side, empty when continuous."""
        return _values_of(self.test)

    @property
    def reference_values(self) -> tuple[str, ...]:
        """Every value of the variable on the reference side, empty when continuous."""
        return _values_of(self.reference)

    @property
    def blocks(self) -> tuple[str, ...]:
        """The columns of ``pair_by``, empty when unpaired."""
        return tuple(self.pair_by or ())

    @property
    def label(self) -> str:
        """The contrast's name, never empty."""
        return str(self.name)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of SAMPLES the contrast reads."""
        names = [self.variable, *self.blocks, *self.covariates, *(self.where or {}), self.unit]
        names += [name for name in (self.random_by, self.interact_with) if name]
        return tuple(dict.fromkeys(names))
