import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ohmics import tables
from ohmics.errors import OhmicsError
from ohmics.export.run_tables import run_tables
from ohmics.export.table_files import write_table_files
from ohmics.shareable import last_name, shareable_config


def index_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "index.tsv", sep="\t", keep_default_na=False).set_index("table")


def test_every_table_lies_there_twice_with_the_same_rows(cell_results: Path, tmp_path: Path) -> None:
    write_table_files(run_tables(cell_results), tmp_path / "out", version="9.9")
    index = index_of(tmp_path / "out")
    made = index[index["rows"] > 0]
    assert {"samples", "qc", "evidence", "scores", "cells", "cell_scores"} <= set(made.index)
    for name, row in made.iterrows():
        text = pd.read_csv(tmp_path / "out" / row["tsv"], sep="\t", keep_default_na=False, na_values=[""])
        held = pd.read_parquet(tmp_path / "out" / row["parquet"])
        assert list(text.columns) == list(held.columns)
        assert len(text) == len(held) == row["rows"], name
        assert text.isna().to_numpy().tolist() == held.isna().to_numpy().tolist(), name


def test_what_was_not_made_says_why(cell_results: Path, tmp_path: Path) -> None:
    write_table_files(run_tables(cell_results), tmp_path / "out", version="9.9")
    index = index_of(tmp_path / "out")
    for _, row in index[index["rows"] == 0].iterrows():
        assert row["reason"]
        assert not row["tsv"]
    assert index.loc["pca", "reason"] == "belongs to bulk runs; this run is single-cell"
    assert index.loc["association", "reason"] == "the config gives no `outcomes`"


def test_a_parquet_file_tells_what_its_columns_mean(cell_results: Path, tmp_path: Path) -> None:
    write_table_files(run_tables(cell_results), tmp_path / "out", version="9.9")
    schema = pq.read_schema(tmp_path / "out" / "qc.parquet")
    about = json.loads(schema.metadata[b"ohmics"])
    assert about["title"] == tables.QC.title
    assert about["version"] == "9.9"
    assert schema.field("pct_mito").metadata[b"unit"] == b"percent"
    for name in tables.QC.names:
        assert schema.field(name).metadata[b"meaning"].decode() == tables.QC.column(name).meaning


def test_a_long_table_is_parquet_only_and_an_old_file_of_it_goes(cell_results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_table_files(run_tables(cell_results), out, version="9.9")
    assert (out / "cells.tsv").is_file()
    write_table_files(run_tables(cell_results), out, version="9.9", most_tsv_rows=10)
    assert not (out / "cells.tsv").exists()
    assert (out / "cells.parquet").is_file()
    assert (out / "scores.tsv").is_file(), "only tables of cells and genes are left to Parquet"
    assert "more than 10" in index_of(out).loc["cells", "reason"]


def test_the_same_tables_give_the_same_bytes(cell_results: Path, tmp_path: Path) -> None:
    names = [path.name for path in write_table_files(run_tables(cell_results), tmp_path / "a", version="9.9")]
    write_table_files(run_tables(cell_results), tmp_path / "b", version="9.9")
    assert len(names) > 10
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_paths_are_cut_to_their_last_name(cell_results: Path, tmp_path: Path) -> None:
    write_table_files(run_tables(cell_results), tmp_path / "out", version="9.9")
    assert pd.read_parquet(tmp_path / "out" / "samples.parquet")["path"].tolist() == ["S_pre.h5", "S_relapse.h5"]
    assert not [path for path in (tmp_path / "out").iterdir() if b"somebody" in path.read_bytes()]


def test_a_config_to_share_holds_no_folder() -> None:
    given = {
        "outdir": "/home/somebody/results",
        "input": {"samples": "/home/somebody/samples.tsv", "modality": "bulk"},
        "score": {"gene_lists": ["C:\\Users\\somebody\\a.gmt"]},
        "gene_sets": {"collections": {"mine": "/home/somebody/b.gmt"}},
        "catalog_paths": ["/home/somebody/mechanisms/"],
    }
    told = shareable_config(given)
    assert "somebody" not in json.dumps(told)
    assert told["score"]["gene_lists"] == ["a.gmt"]
    assert told["gene_sets"]["collections"] == {"mine": "b.gmt"}
    assert last_name("") == ""


def test_a_folder_without_a_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match=r"no samples\.tsv"):
        run_tables(tmp_path)
