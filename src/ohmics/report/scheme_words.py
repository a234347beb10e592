"""SCORES and EFFECTS come in; the sentences of the Methods text that say how they were thinned and tested go out."""

from __future__ import annotations

from ohmics.report import select
from ohmics.report.inputs import ReportInputs

_MIXED = (
    " Where {unit}s with samples on one side only took part, or samples of a {unit} could not be paired, a linear "
    "model with one random intercept a {unit} was fitted by restricted maximum likelihood; p and the interval come "
    "from t with Kenward and Roger's degrees of freedom, and q is Holm's over the verdicts' family and Benjamini and "
    "Hochberg's over the others. Where the fit is singular ({unit}s differ no more than their samples do) the pairs "
    "alone were tested by flips, and the row says so."
)
_GROUPS = (
    " Groups were compared by permuting {unit}s between them, all labellings up to 2^20; an interaction permutes the "
    "groups over {unit}s' changes."
)
_VALUES = " A continuous variable was permuted over {unit}s; its effect is the slope."
_THINNED = (
    "Scores depend on depth, so before scoring the counts of both sides of a comparison were thinned: each count was "
    "kept with one probability (binomial, seeded), so that both sides have the lowest {size} among the samples of that "
    "{unit} (unpaired: of the contrast). "
    "Verdicts rest on the thinned scores; unthinned ones stand beside them in the tables without a q"
)
_NOT_THINNED = (
    "Scores depend on depth; no comparison had two usable sides of whole counts, so nothing could be thinned to one "
    "depth, and no verdict rests on scores"
)
_BEYOND = " Covariates were removed first and residuals permuted or flipped (Freedman and Lane)."


def scheme_sentences(inputs: ReportInputs) -> tuple[str, list[str]]:
    """Return what the schemes of EFFECTS beside plain flips of pairs were, and the works to cite for them."""
    if inputs.effects is None or inputs.effects.empty:
        return "", []
    schemes = inputs.effects.loc[inputs.effects["level"] == "cohort", "scheme"].dropna().astype(str)
    found = [
        (text, works)
        for start, text, works in (
            ("permutation", _GROUPS, []),
            ("values permuted", _VALUES, []),
            ("mixed model", _MIXED, ["kenward_roger"]),
        )
        if bool(schemes.str.startswith(start).any())
    ]
    if bool(schemes.str.contains("Freedman-Lane", regex=False).any()):
        found.append((_BEYOND, ["freedman_lane"]))
    return "".join(text for text, _ in found).format(unit=inputs.unit), [work for _, works in found for work in works]


def thinning(inputs: ReportInputs) -> str:
    """Return how both sides of a comparison came to one depth, or why they did not."""
    size = "library size" if inputs.bulk else "median UMI a cell of the type"
    text = _THINNED if select.was_thinned(inputs) else _NOT_THINNED
    return text.format(size=size, unit=inputs.unit)
