"""What a terminal shows of a refusal is short, and steers nothing."""

from __future__ import annotations

from ohmics.cli._refusal import MOST_FAULTS, MOST_LETTERS, told
from ohmics.errors import Fault, OhmicsError


def test_a_short_refusal_is_shown_as_it_is() -> None:
    for faults in ([Fault("no such file", "a.h5")], [Fault("one", "a"), Fault("two", "b", "this", "do that")]):
        assert told(OhmicsError(faults)) == str(OhmicsError(faults))


def test_of_many_faults_the_first_are_shown_and_the_others_counted() -> None:
    lines = told(OhmicsError([Fault(f"fault {number}") for number in range(1_500)])).splitlines()
    assert lines[0] == "1500 faults:"
    assert len(lines) == MOST_FAULTS + 2
    assert lines[-1] == "  and 1,480 more; these are the first."


def test_of_a_long_fault_the_middle_is_left_out() -> None:
    text = told(OhmicsError(Fault("x" * 10_000, "a.csv", remedy="mend it")))
    assert len(text) < MOST_LETTERS + 10
    assert text.startswith("a.csv: xxx")
    assert text.endswith("xxx; mend it.")


def test_codes_that_steer_a_terminal_are_written_out() -> None:
    text = told(OhmicsError(Fault("gene \x1b[2J\u202e\ud800 is not known")))
    assert text == "gene \\u001b[2J\\u202e\\ud800 is not known."
