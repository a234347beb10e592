"""Numbers and names come in, the words a reader sees go out: one way to write each of them on every page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

VERDICTS = {
    "supported": "supported",
    "contradicted": "contradicted",
    "open": "open",
    "not_assessable": "not assessable",
    "consistent": "consistent",
    "opposite": "opposite",
    "within_technical_range": "within technical range",
    "use": "use",
    "use_with_care": "use with care",
    "excluded": "excluded",
    "mismatch": "mismatch",
    "possible_chimerism_or_loss_of_y": "possible chimerism or loss of Y",
}
KINDS = {
    "malignant_undetermined": "read in malignant cells that could not be told from normal ones",
    "no_call": "resting on a call this run does not make",
    "not_visible_in_expression": "not visible in expression",
    "wrong_modality": "read in cells that these samples do not show",
    "not_tested": "with too few cells, genes or pairs",
    "pairs_not_comparable": "whose pairs do not compare like with like",
    "confounded_by_composition": "confounded by composition",
    "groups_compared": "whose changes differ between groups",
    "no_relevant_change": "with no relevant change",
    "moderated_model_only": "by the moderated model only",
    "called_per_patient": "called patient by patient",
}
COMPARTMENTS = {
    "car_t_product": "CAR T-cell product",
    "t_cell": "T cells",
    "tumour": "Tumour",
    "myeloid": "Myeloid cells",
    "stroma": "Stroma",
    "systemic": "Systemic",
}


def is_missing(value: object) -> bool:
    """Return whether a table's value is missing."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value) or value == ""


def number(value: object, *, digits: int = 3) -> str:
    """Return a number with that many significant digits; empty when missing.

    Examples
    --------
    >>> number(1234.5678), number(0.012345), number(None)
    ('1,235', '0.0123', '')
    """
    if is_missing(value):
        return ""
    plain = float(str(value))
    if abs(plain) >= 1000:
        return f"{plain:,.0f}"
    return f"{plain:.{digits}g}"


def whole(value: object) -> str:
    """Return a whole number with thousands separated; empty when missing."""
    return "" if is_missing(value) else f"{round(float(str(value))):,}"


def p_value(value: object) -> str:
    """Return a p or q value with two significant digits; empty when missing."""
    return "" if is_missing(value) else f"{float(str(value)):.2g}"


def percent(value: object) -> str:
    """Return a fraction in per cent, without the sign; empty when missing. Nearly all is not written as all.

    Examples
    --------
    >>> percent(0.12345), percent(0.9998), percent(1)
    ('12.3', '99.98', '100')
    """
    if is_missing(value):
        return ""
    share = float(str(value))
    text = f"{100 * share:.3g}"
    return f"{100 * share:.4g}" if text == "100" and share < 1 else text


def phrase(value: object) -> str:
    """Return an identifier as words: underscores become spaces, known values get their wording."""
    return "" if is_missing(value) else VERDICTS.get(str(value), str(value).replace("_", " "))


def kind(value: object) -> str:
    """Return the sub-reason of a verdict in words that follow its number, as in ``2 with no relevant change``."""
    return "" if is_missing(value) else KINDS.get(str(value), phrase(value))


def plain(text: object) -> str:
    """Return a table's sentence with the names of scores as people write them."""
    return "" if is_missing(text) else str(text).replace("ucell score", "UCell score").replace("mean_z score", "mean z")


def lists_named(text: str, names: Mapping[str, str], *, own: str = "") -> str:
    """Return a sentence whose gene lists carry the name of their mechanism, as people say it.

    Examples
    --------
    >>> lists_named("t_tex/core in CD8 T +0.1", {"t_tex": "Terminal exhaustion"})
    'Terminal exhaustion (list core) in CD8 T +0.1'
    >>> lists_named("t_tex/core in CD8 T +0.1", {"t_tex": "Terminal exhaustion"}, own="t_tex")
    'its list core in CD8 T +0.1'
    """

    def named(found: re.Match[str]) -> str:
        mechanism, own_name = found.groups()
        if mechanism not in names:
            return found[0]
        return f"its list {own_name}" if mechanism == own else f"{names[mechanism]} (list {own_name})"

    return re.sub(r"(?<![\w/])([A-Za-z0-9_]+)/([A-Za-z0-9_.]+)", named, text)


def without_name(text: object, name: str) -> str:
    """Return a sentence without the mechanism's name in front, for places where the name stands beside it."""
    left = plain(text)
    return sentence(left.removeprefix(f"{name}: ")) if name and left.startswith(f"{name}: ") else left


def signed(value: object) -> str:
    """Return a number with its sign and three significant digits; empty when missing."""
    return "" if is_missing(value) else f"{float(str(value)):+.3g}"


def count(how_many: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "sample"), count(2, "sample"), count(2, "is", "are")
    ('1 sample', '2 samples', '2 are')
    """
    return f"{how_many:,} {noun if how_many == 1 else plural or noun + 's'}"


_METHODS = {"ucell": "UCell", "mean_z": "mean z", "aucell": "AUCell", "ssgsea": "ssGSEA", "gsva": "GSVA"}


def method(name: object) -> str:
    """Return a scoring method as people write it."""
    plain_name, _, beyond = str(name).partition("_beyond_")
    shown = _METHODS.get(plain_name, plain_name.replace("_", " "))
    return f"{shown} beyond {beyond.replace('_', ' ')}" if beyond else shown


def verb(how_many: int, one: str, several: str) -> str:
    """Return the form of a verb that fits the number."""
    return one if how_many == 1 else several


_CELLS = {"bulk": "the mixed (bulk) samples", "malignant": "malignant cells", "car_positive": "CAR+ cells"}
_PLURAL = ("cell", "monocyte", "macrophage", "fibroblast", "neutrophil", "blast")


def cells(cell_type: object) -> str:
    """Return a cell type as a sentence names it.

    Examples
    --------
    >>> cells("CD8 T"), cells("CD14 monocyte"), cells("car_positive")
    ('CD8 T cells', 'CD14 monocytes', 'CAR+ cells')
    """
    name = str(cell_type)
    if name in _CELLS:
        return _CELLS[name]
    if name.endswith(_PLURAL):
        return f"{name}s"
    return f"{name} cells" if name.endswith((" T", "NK", "myeloid", "Treg", "erythroid")) else name


def series(items: Iterable[object], *, most: int | None = None) -> str:
    """Join items as a sentence does: ``a, b and c``; beyond ``most`` the rest is counted."""
    texts = [str(item) for item in items]
    if most is not None and len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else ""


def split(value: object, separators: str = "|") -> list[str]:
    """Return the parts of a joined value, without empty ones."""
    if is_missing(value):
        return []
    return [part.strip() for part in re.split(f"[{re.escape(separators)}]", str(value)) if part.strip()]


def anchor(*parts: object) -> str:
    """Return an HTML id for a row: letters, digits and dashes, and different for different parts.

    Examples
    --------
    >>> anchor("verdict", "a_b"), anchor("verdict", "a b")
    ('verdict-a_b', 'verdict-a-20-b')
    """
    return "-".join(re.sub(r"[^A-Za-z0-9_]", lambda found: f"-{ord(found.group()):x}-", str(part)) for part in parts)


def row_id(table: str, *key: object) -> str:
    """Return the HTML id of a table's row."""
    return f"{table}-{anchor(*key)}"


def sentence(text: str) -> str:
    """Return text that begins with a capital letter and ends with a full stop."""
    plain = text.strip()
    if not plain:
        return ""
    return plain[0].upper() + plain[1:] + ("" if plain[-1] in ".!?" else ".")


def in_words(names: Sequence[str]) -> str:
    """Return table column names as words, for example ``tissue and sort gate``."""
    known = {"enrichment": "sort gate"}
    return series(known.get(name, name.replace("_", " ")) for name in names)
