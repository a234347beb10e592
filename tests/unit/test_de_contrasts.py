"""Every kind of contrast through `differential_expression`: planted genes are found, the model is the one asked for."""

import numpy as np
import pandas as pd
import pytest

from ohmics.de import differential_expression
from ohmics.errors import OhmicsError
from ohmics.model import Contrast

TIME = {"variable": "timepoint", "test": "relapse", "reference": "pre"}
PLANTED = [f"g{k}" for k in range(10)]


def sheet(n=12, *, alone=0):
    rows = [
        {"sample": f"p{i}{t}", "patient": f"p{i}", "timepoint": t, "response": ("CR", "PR", "SD", "PD")[i % 4],
         "group": "NR" if i % 4 > 1 else "R", "site": "ab"[i % 3 > 0]}
        for i in range(n + alone)
        for t in (("pre", "relapse") if i < n else (("pre", "relapse")[i % 2],))
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    random = np.random.default_rng(1)
    age = random.normal(60, 10, size=n + alone).round(1)
    frame["age"] = age[frame["patient"].str[1:].astype(int)]
    frame["purity"] = random.uniform(0.3, 0.9, size=len(frame)).round(3)
    return frame


def counts(samples, effect, seed=0):
    """Return counts of 300 genes whose first ten follow ``effect`` (log2, one number a sample)."""
    random = np.random.default_rng(seed)
    patients = samples["patient"].str[1:].astype(int).to_numpy()
    own = random.normal(0, 0.4, size=(patients.max() + 1, 300))
    level = random.gamma(2.0, 60.0, size=300) + 20
    change = np.zeros((len(samples), 300))
    change[:, :10] = np.asarray(effect, dtype=float)[:, None]
    mean = level * np.exp2(own[patients] + change)
    values = random.negative_binomial(20, 20 / (20 + mean))
    return pd.DataFrame(values, index=samples["sample"], columns=[f"g{k}" for k in range(300)])


def relapse(samples):
    return (samples["timepoint"] == "relapse").to_numpy(dtype=float)


CASES = {
    "pairs": (Contrast(**TIME, pair_by="patient"), lambda s: 1.5 * relapse(s), 1.5, "~ patient + timepoint"),
    "random": (Contrast(**TIME, random_by="patient"), lambda s: 1.5 * relapse(s), 1.5, "patient as random effect"),
    "both sides": (Contrast(**TIME), lambda s: 1.5 * relapse(s), 1.5, "samples on both sides of an unpaired contrast"),
    "groups": (
        Contrast(variable="group", test="NR", reference="R", where={"timepoint": "pre"}),
        lambda s: 1.5 * (s["group"] == "NR"), 1.5, "~ group",
    ),
    "several values": (
        Contrast(variable="response", test=["SD", "PD"], reference=["CR", "PR"], where={"timepoint": "pre"}),
        lambda s: 1.5 * (s["group"] == "NR"), 1.5, "~ response",
    ),
    "interaction": (
        Contrast(**TIME, pair_by="patient", interact_with="group"),
        lambda s: 2.0 * relapse(s) * (s["group"] == "R") + relapse(s), 2.0, "timepoint:group",
    ),
    "continuous": (
        Contrast(variable="age", where={"timepoint": "pre"}), lambda s: 0.15 * (s["age"] - 60), 0.15, "~ age",
    ),
    "continuous within": (
        Contrast(variable="purity", pair_by="patient"), lambda s: 5 * (s["purity"] - 0.6), 5.0, "~ patient + purity",
    ),
    "covariates": (
        Contrast(**TIME, pair_by="patient", covariates=["purity"]),
        lambda s: 1.5 * relapse(s) + 4 * s["purity"], 1.5, "~ patient + purity + timepoint",
    ),
    "subgroup": (
        Contrast(**TIME, pair_by="patient", where={"response": ["SD", "PD"]}),
        lambda s: 2 * relapse(s) * (s["group"] == "NR"), 2.0, "8 pairs of 8 patients",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_planted_genes_are_found_by_the_model_that_was_asked_for(case):
    contrast, effect, size, said = CASES[case]
    samples = sheet(16, alone=6 if case in ("random", "both sides") else 0)
    table = differential_expression(counts(samples, effect(samples)), samples, contrast=contrast)
    assert said in table.attrs["design"]
    found = table[table["q"] < 0.05]
    assert set(found["gene"]) >= set(PLANTED)
    assert len(found) <= 14
    assert table.set_index("gene").loc[PLANTED, "log2_fc"].median() == pytest.approx(size, rel=0.25)


def test_a_random_effect_gains_from_patients_with_one_sample():
    samples = sheet(8, alone=16)
    values = counts(samples, np.zeros(len(samples)))
    pairs, mixed = (
        differential_expression(values, samples, contrast=Contrast(**TIME, **{by: "patient"}))
        for by in ("pair_by", "random_by")
    )
    both = pairs.merge(mixed, on="gene", suffixes=("_pairs", "_mixed"))
    width = [(both[f"high_{name}"] - both[f"low_{name}"]).median() for name in ("pairs", "mixed")]
    assert width[1] < width[0]


def test_what_cannot_be_estimated_is_said_with_columns_and_patients():
    samples = sheet(4).assign(batch=lambda s: s["timepoint"].map({"pre": "a", "relapse": "b"}))
    values = counts(samples, np.zeros(8))
    with pytest.raises(OhmicsError, match=r"cannot be told from `batch` .*patient p0, p1, p2, p3") as caught:
        differential_expression(values, samples, contrast=Contrast(**TIME, pair_by="patient", covariates="batch"))
    assert "leave `batch` out" in str(caught.value)
    samples["x"], samples["z"] = range(8), relapse(samples) - np.arange(8)
    with pytest.raises(OhmicsError, match=r"`x` and `z` together determine it in all 8 samples \(patient p0"):
        differential_expression(values, samples, contrast=Contrast(**TIME, covariates=["site", "x", "z"],
                                                                   random_by="patient"))  # fmt: skip
