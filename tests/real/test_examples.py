"""The three examples in config/examples, from the published data to the reports, as a user runs them."""

import os
from pathlib import Path

import pandas as pd
import pytest
from workflow_calls import call

from ohmics.io import read_table
from ohmics.tables import ASSOCIATION, COMPOSITION, DE, EFFECTS, EVIDENCE, PAIRS, QC, SKIPPED

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("OHMICS_DATA" not in os.environ, reason="OHMICS_DATA is not set: no real data"),
]
EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"


def run(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(name)
    call(folder, "run", str(EXAMPLES / name / "config.yaml"), "--cores", "2")
    results = folder / "results" / name
    assert "every one as its schema says" in call(folder, "verify", str(results)).stdout
    return results


@pytest.fixture(scope="module")
def riaz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run("riaz2017", tmp_path_factory)


@pytest.fixture(scope="module")
def cartex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run("cartex", tmp_path_factory)


@pytest.fixture(scope="module")
def carpall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run("carpall2023", tmp_path_factory)


def cohort(results: Path) -> pd.DataFrame:
    return read_table(results / "tables" / "evidence.tsv", EVIDENCE).query("level == 'cohort'").set_index("mechanism")


def test_riaz_pairs_43_patients_and_tests_16180_genes(riaz: Path) -> None:
    assert int(read_table(riaz / "pairs.tsv", PAIRS)["complete"].sum()) == 43
    de = read_table(riaz / "tables" / "de.tsv", DE).set_index("gene")
    assert len(de) == 16_180
    # Immune genes rise on therapy.
    assert (de.loc[["CD8A", "GZMA", "PRF1", "CXCL9"], "log2_fc"] > 0).all()
    assert {path.name for path in (riaz / "reports").iterdir()} == {"qc.html", "signatures.html", "patients"}


def test_riaz_judges_t_cell_programmes_beyond_content_and_says_that_the_drug_was_on_board(riaz: Path) -> None:
    verdicts = cohort(riaz)
    decided = verdicts[verdicts["verdict"].isin(["supported", "contradicted"])]
    # IDO1 follows the interferon that the drug sets free: support, with the sentence that it is the drug's effect.
    assert set(decided.index[decided["verdict"] == "supported"]) <= {"ido_kynurenine"}
    assert decided["reasons"].str.contains("the effect of the drug, not resistance to it").all()
    assert set(decided["grade"]) == {"weak"}
    # T cells enter the tumours: most of the raw rise of cytolytic genes is their number.
    effects = read_table(riaz / "tables" / "effects.tsv", EFFECTS)
    cyt = effects[(effects["gene_list"] == "low_cytotoxic_effector/rooney_cyt") & (effects["level"] == "cohort")]
    by_method = cyt[cyt["depth"] == "thinned"].set_index("method")["effect"]
    assert 0 < by_method["mean_z_beyond_content"] < by_method["mean_z"] / 3
    assert "beyond T-cell content" in verdicts.loc["low_cytotoxic_effector", "primary_line"]


def test_cartex_exhaustion_is_up_everywhere_and_three_donors_support_nothing_by_flips(cartex: Path) -> None:
    effects = read_table(cartex / "tables" / "effects.tsv", EFFECTS)
    chosen = effects[
        (effects["level"] == "cohort")
        & (effects["gene_list"] == "tcell_exhaustion_terminal/tex_consensus_2of3")
        & (effects["depth"] == "thinned")
    ].set_index("method")
    # On the ranks of all genes one pair of day 21 ties (0.864 and 0.865).
    for method, higher in (("ucell", 8), ("mean_z", 9)):
        row = chosen.loc[method]
        assert (row["n_positive_pairs"], row["n_pairs"], row["n_positive"], row["n_units"]) == (higher, 9, 3, 3), method
    assert (effects.loc[effects["level"] == "cohort", "p"] >= 0.25).all()
    verdicts = cohort(cartex)
    decided = verdicts[verdicts["verdict"].isin(["supported", "contradicted"])]
    assert set(decided["grade"]) <= {"weak"}
    assert set(decided["sub_reason"]) <= {"moderated_model_only"}
    assert "0.25" in (cartex / "reports" / "signatures.html").read_text()


def test_carpall_refuses_what_its_pairs_cannot_tell(carpall: Path) -> None:
    verdicts = cohort(carpall)
    assert set(verdicts["verdict"]) <= {"open", "not_assessable"}
    assert "pairs_not_comparable" in set(verdicts["sub_reason"])
    assert read_table(carpall / "tables" / "composition.tsv", COMPOSITION).empty
    skipped = read_table(carpall / "tables" / "skipped.tsv", SKIPPED)
    refused = skipped[skipped["reason"].str.contains("composition cannot be compared")]
    assert refused["stage"].value_counts().to_dict() == {"composition": 3, "states": 3}
    page = (carpall / "reports" / "signatures.html").read_text()
    assert "tissue and sort gate" in page


def test_carpall_excludes_the_empty_sample_and_goes_on(carpall: Path) -> None:
    qc = read_table(carpall / "tables" / "qc.tsv", QC).set_index("sample")
    assert qc.index[qc["verdict"] == "excluded"].tolist() == ["CAR-T10593347"]
    assert "essentially empty" in qc.loc["CAR-T10593347", "flags"]
    for page in ("qc.html", "signatures.html"):
        assert "CAR-T10593347" in (carpall / "reports" / page).read_text()


def test_riaz_ten_responders_before_therapy_are_modelled_and_nine_changes_are_not(riaz: Path) -> None:
    found = read_table(riaz / "tables" / "association.tsv", ASSOCIATION)
    assert set(found["outcome"]) == {"response_by_baseline"}
    assert (found["n_events"] <= 10).all()
    assert set(found["model"]) == {"logistic_firth"}
    # An inflamed tumour before therapy goes with response, as far as ten responders can tell.
    inflamed = found[found["mechanism"] == "low_ifng_tcell_inflamed"]
    assert (inflamed["effect"] > 0).all()
    assert (found["q"] >= found["p"]).all()
    skipped = read_table(riaz / "tables" / "skipped.tsv", SKIPPED).query("stage == 'association'")
    change = skipped[skipped["subject"] == "response_by_change"]["reason"]
    assert change.str.startswith("not assessable: 9 patients with and 33 without the response").any()
    assert 'id="association"' in (riaz / "reports" / "signatures.html").read_text(encoding="utf-8")
