"""A refusal in; the text a terminal shows of it, never too long and never with codes that steer it, out."""

from __future__ import annotations

import re

from ohmics.errors import Fault, OhmicsError

MOST_FAULTS = 20
MOST_LETTERS = 600
"""Letters shown of one fault; of a longer one its middle is left out."""
_TAIL = 200
# What steers a terminal or turns the direction of reading; names in a file may hold anything.
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def told(error: OhmicsError) -> str:
    """Return the text of a refusal: all of its faults, or the first ones and how many more there are."""
    faults = error.faults
    if len(faults) == 1:
        return _shown(faults[0])
    lines = [f"{len(faults)} faults:"]
    lines += [f"  {number}. {_shown(fault)}" for number, fault in enumerate(faults[:MOST_FAULTS], start=1)]
    if len(faults) > MOST_FAULTS:
        lines.append(f"  and {len(faults) - MOST_FAULTS:,} more; these are the first.")
    return "\n".join(lines)


def _shown(fault: Fault) -> str:
    text = str(fault)
    if len(text) > MOST_LETTERS:
        text = f"{text[: MOST_LETTERS - _TAIL]} ... {text[-_TAIL:]}"
    return _STEERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
