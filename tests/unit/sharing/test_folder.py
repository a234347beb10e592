"""Tables, config and counts under new names: columns of ids, sentences, files; what is left out and what stays."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics import tables
from ohmics.errors import OhmicsError
from ohmics.sharing.folder import Sheet, copy_counts, ids_of, renamed_config, renamed_table, sheet_columns
from ohmics.sharing.ids import Renamer, new_names

SHEET = tables.SAMPLES.conform(
    [
        {"sample": "P01_pre", "patient": "P01", "timepoint": "pre", "modality": "bulk", "path": "/x/MRN77_pre.h5",
         "batch": "2021-03-04", "clinic": "north", "mrn": "MRN77", "age": "61", "visit": "12.03.2021"},
        {"sample": "7", "patient": "12", "timepoint": "relapse", "modality": "bulk", "path": "/x/7.h5",
         "batch": "b2", "clinic": "south", "mrn": "MRN78", "age": "50", "visit": None},
    ]
)  # fmt: skip
CONFIG = {
    "project": "Trial",
    "outdir": "/x/results",
    "input": {"samples": "/x/sheet.tsv", "matrix": {"P01_pre": "/x/MRN77.csv"}, "modality": "bulk"},
    "score": {"gene_lists": ["/x/mine.gmt"]},
    "contrasts": [{"name": "a", "unit": "patient", "covariates": ["age"], "where": {"patient": ["P01", "12"]}}],
}


def renamer() -> Renamer:
    names = new_names({"patient": ["P01", "12"], "sample": ["P01_pre", "7"]}, key=bytes(32))
    return Renamer(names, frozenset({"7", "12"}))


def test_columns_no_analysis_names_are_left_out() -> None:
    sheet = sheet_columns(SHEET, CONFIG)
    assert sheet == Sheet(
        ids=("sample", "patient"),
        kept=("timepoint", "modality", "batch", "age"),
        left_out=("clinic", "mrn", "visit"),
        dates=("batch",),
    )
    assert ids_of(SHEET, sheet) == {"patient": ["P01", "12"], "sample": ["P01_pre", "7"], "other": []}


def test_columns_can_be_kept_or_renamed_too() -> None:
    sheet = sheet_columns(SHEET, CONFIG, keep=["visit"], also=["mrn"])
    assert sheet.left_out == ("clinic",)
    assert sheet.dates == ("batch", "visit")
    assert ids_of(SHEET, sheet)["other"] == ["MRN77", "MRN78"]
    with pytest.raises(OhmicsError, match=r"no column `ward`; legal: sample, patient"):
        sheet_columns(SHEET, CONFIG, keep=["ward"])


def test_what_a_contrast_counts_is_an_id() -> None:
    config = {"contrasts": [{"unit": "mrn"}]}
    assert sheet_columns(SHEET, config).ids == ("sample", "patient", "mrn")


def test_the_sheet_tells_no_file_and_no_column_that_is_left_out() -> None:
    made = renamed_table(SHEET, tables.SAMPLES, renamer=renamer(), sheet=sheet_columns(SHEET, CONFIG))
    assert not {"clinic", "mrn", "visit"} & set(made.columns)
    assert made["path"].tolist() == made["sample"].tolist()
    assert not set(made["sample"]) & set(SHEET["sample"])
    assert made["batch"].tolist() == ["2021-03-04", "b2"]


def test_ids_are_renamed_in_columns_and_sentences_and_other_values_stay() -> None:
    new, sheet = renamer(), sheet_columns(SHEET, CONFIG)
    pairs = tables.PAIRS.conform(
        [{"contrast": "a", "subject": "12", "block": "12|7", "test_samples": "P01_pre|7", "complete": True,
          "note": "P01_pre has 7 cells; sample 7 has 12"}]
    )  # fmt: skip
    row = renamed_table(pairs, tables.PAIRS, renamer=new, sheet=sheet).iloc[0]
    assert row["subject"] == new.names["12"]
    assert row["test_samples"] == f"{new.names['P01_pre']}|{new.names['7']}"
    assert row["note"] == f"{new.names['P01_pre']} has 7 cells; sample {new.names['7']} has 12"
    cells = tables.CELLS.conform([{"sample": "7", "barcode": "P01_pre_AAAC", "cluster": "7", "cell_type": "B cell"}])
    row = renamed_table(cells, tables.CELLS, renamer=new, sheet=sheet).iloc[0]
    assert (row["cluster"], row["barcode"]) == ("7", f"{new.names['P01_pre']}_AAAC")
    design = tables.DESIGN.conform(
        [{"contrast": "a", "sample": "7", "unit": "12", "block": "12", "coefficient": "patient[12]", "value": 1.0,
          "asked": False}]
    )  # fmt: skip
    row = renamed_table(design, tables.DESIGN, renamer=new, sheet=sheet).iloc[0]
    assert (row["unit"], row["coefficient"]) == (new.names["12"], f"patient[{new.names['12']}]")


def test_the_config_tells_no_path_no_id_and_no_file_of_a_sample() -> None:
    new = renamer()
    told = renamed_config(CONFIG, new)
    assert "outdir" not in told
    assert told["input"] == {"samples": "not told", "matrix": {new.names["P01_pre"]: "not told"}, "modality": "bulk"}
    assert told["score"] == {"gene_lists": ["mine.gmt"]}
    assert told["contrasts"][0]["where"] == {"patient": [new.names["P01"], new.names["12"]]}
    assert renamed_config(CONFIG, None)["input"]["samples"] == "sheet.tsv"


def counts(place: Path, names: list[str]) -> None:
    place.parent.mkdir(parents=True)
    ad.AnnData(np.ones((len(names), 2), dtype=np.float32), obs=pd.DataFrame(index=names)).write_h5ad(place)


def test_counts_are_renamed_and_copied_only_where_their_barcodes_tell_an_id(tmp_path: Path) -> None:
    new = renamer()
    counts(tmp_path / "r" / "counts" / "bulk.h5ad", ["P01_pre", "7"])
    counts(tmp_path / "r" / "samples" / "P01_pre" / "counts.h5ad", ["P01_pre_AAAC"])
    counts(tmp_path / "r" / "samples" / "7" / "counts.h5ad", ["AAAC-7"])
    copy_counts(tmp_path / "r", tmp_path / "o", ["P01_pre", "7"], new)
    assert list(ad.read_h5ad(tmp_path / "o/counts/bulk.h5ad").obs_names) == [new.names["P01_pre"], new.names["7"]]
    first, second = (tmp_path / "o" / "samples" / new.names[one] / "counts.h5ad" for one in ("P01_pre", "7"))
    assert list(ad.read_h5ad(first).obs_names) == [f"{new.names['P01_pre']}_AAAC"]
    assert second.is_symlink()
    assert not first.is_symlink()
