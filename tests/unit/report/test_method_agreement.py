"""The first screen says which supported mechanism rests on one method only, and which score cannot move."""

from dataclasses import replace

import pandas as pd

from ohmics.report import findings, select, words
from ohmics.report.inputs import ReportInputs


def primary(inputs: ReportInputs):
    view = select.contrasts(inputs)[0]
    return view, select.primary_effects(inputs, view.name, "cohort")


def with_supported(inputs: ReportInputs, mechanism: str) -> ReportInputs:
    evidence = inputs.evidence.copy()
    evidence.loc[(evidence["level"] == "cohort") & (evidence["mechanism"] == mechanism), "verdict"] = "supported"
    return replace(inputs, evidence=evidence)


def test_a_method_that_does_not_find_it_is_named_and_one_that_does_is_not(inputs: ReportInputs) -> None:
    view, rows = primary(inputs)
    row = rows.iloc[0]
    supported = with_supported(inputs, row["mechanism"])
    other = row.to_frame().T.assign(method="plage", p=0.6)
    said = {}
    for name, p, sign in (("apart", 0.6, 1), ("opposite", 0.001, -1), ("agrees", 0.001, 1)):
        beside = other.assign(p=p, effect=sign * row["effect"])
        own = supported.effects[supported.effects["gene_list"] != row["gene_list"]]
        effects = pd.concat([own, rows.iloc[:1], beside.astype(rows.dtypes.to_dict())], ignore_index=True)
        said[name] = findings.methods_disagree_sentence(replace(supported, effects=effects), view)
    assert f"by {words.method(row['method'])}, but not by plage (p 0.6)" in said["apart"]
    assert "plage" in said["opposite"]
    assert "plage" not in said["agrees"]


def test_equal_scores_are_told_apart_from_few_patients(inputs: ReportInputs) -> None:
    view, rows = primary(inputs)
    assert not findings.tied_sentence(inputs, view)
    still = rows["gene_list"].iloc[0]
    effects = inputs.effects.copy()
    effects["smallest_p"] = effects["smallest_p"].where(effects["smallest_p"].isna(), 0.001)
    effects.loc[effects["gene_list"] == still, "smallest_p"] = 1.0
    moved = replace(inputs, effects=effects)
    assert "The score is the same on both sides" in findings.tied_sentence(moved, view)
    assert not findings.few_units_sentence(moved, view)
