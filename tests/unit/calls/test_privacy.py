import numpy as np
import pandas as pd
import pytest

from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.privacy import neighbourhoods, privacy, privacy_index

RULES = MalignantRules()


def cohort(n_patients, *, private=(), spread=0.02, base=0.1, n=60, seed=0):
    """Cells of T, NK and B lineage a patient; ``private`` names patients whose B cells keep to themselves."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_patients):
        patient = f"P{number}"
        for kind, side in (("T cell", "incompatible"), ("NK", "incompatible"), ("B cell", "home")):
            share = 1 / n_patients
            index = 0.8 if kind == "B cell" and patient in private else base + spread * rng.standard_normal()
            own = np.clip(share + (1 - share) * index + 0.05 * rng.standard_normal(n), 0, 1)
            rows.append(pd.DataFrame({"patient": patient, "cell_type": kind, "kind": side, "own_neighbours": own}))
    return pd.concat(rows, ignore_index=True)


def judged(cells, patient, *, stages=False, main="B cell"):
    inside = cells[(cells["patient"] == patient) & (cells["cell_type"] == main)]
    return privacy(neighbourhoods(cells, RULES), inside, patient, main=main, stages=stages, rules=RULES)


@pytest.mark.parametrize("n_patients", [1, 2])
def test_one_or_two_patients_cannot_show_privacy_and_it_is_said(n_patients):
    found = judged(cohort(n_patients, private=("P0",)), "P0")
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert "cannot show what is private" in found.words


def test_a_private_tumour_among_normal_cells_that_mix():
    cells = cohort(6, private=("P0",))
    assert judged(cells, "P0").value == RULES.privacy_limit
    assert judged(cells, "P1").value < -0.8
    assert judged(cells, "P1", main="T cell").value < -0.8


def test_privacy_tells_little_where_normal_cells_are_private_too():
    """A batch effect keeps every patient's cells to themselves."""
    cells = cohort(6, private=("P0",), base=0.8, spread=0.05)
    assert judged(cells, "P0").value < 0.3


def test_normal_cells_of_a_stage_that_one_patient_has_alone_temper_privacy():
    cells = cohort(4, private=("P0",))
    alone, tempered = judged(cells, "P0"), judged(cells, "P0", stages=True)
    assert tempered.value < 1.2 < alone.value
    assert "alone" in tempered.words
    many = judged(cohort(12, private=("P0",)), "P0", stages=True)
    assert many.value > tempered.value


def test_index_is_nothing_for_mixed_and_one_for_own_neighbours_only():
    assert privacy_index(0.25, 0.25) == 0
    assert privacy_index(1.0, 0.25) == 1
    assert privacy_index(0.1, 0.25) == 0
