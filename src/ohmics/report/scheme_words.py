"""How EFFECTS were tested comes in, the sentences of the Methods text that say so go out."""

from __future__ import annotations

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
