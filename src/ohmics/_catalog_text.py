"""A mechanism in; its lines in words out."""

from __future__ import annotations

from ohmics import model
from ohmics.model import EvidenceLine, Mechanism, PrimaryLine

_MOVES = {"up": "rises", "down": "falls"}


def primary_text(mechanism: Mechanism) -> str:
    """Return the primary line in words; for a mechanism without one, that it is not assessable."""
    line = mechanism.primary_line
    if line is None:
        return "not assessable from expression"
    return _moving(line, mechanism, line.method)


def line_text(line: EvidenceLine, mechanism: Mechanism) -> str:
    """Return a further line or a line against in words: the note, and in brackets what is measured."""
    if line.nature == "external":
        return f"{line.note} [from outside expression]"
    return f"{line.note} [{_moving(line, mechanism, '')}]"


def _moving(line: PrimaryLine | EvidenceLine, mechanism: Mechanism, method: str) -> str:
    moves = _MOVES.get(line.direction, line.direction)
    if line.nature in model.READ_FROM_LISTS:
        owner = getattr(line, "mechanism", "")
        name = f"{owner}/{line.gene_list}" if owner else line.gene_list
        if line.gene_list == model.SIGNATURE and not owner:
            name += f" ({mechanism.recommended_up} minus {mechanism.recommended_down})"
        moves = f"{moves} in patients who do worse" if line.nature == "association" else moves
        return f"score of {name}{f' by {method}' if method else ''} in {line.cell_type} {moves}"
    if line.nature == "composition":
        return f"fraction of {line.cell_type} {moves}"
    if line.nature == "call":
        antigen = "the sample's target" if line.antigen == model.ANTIGEN_OF_THE_SAMPLE else line.antigen
        of = f" of {antigen}" if antigen else ""
        return f"{line.method.replace('_', ' ')} call{of} in {line.cell_type}: {line.direction}"
    return f"a measurement from outside expression {moves}"
