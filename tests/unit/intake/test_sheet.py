"""Sample sheets with anybody's headings become SAMPLES, or every fault is told with its row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake import read_samples
from ohmics.io import read_table, write_table
from ohmics.tables import SAMPLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.h5", "b.h5", "c.h5"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def _sheet(folder: Path, *rows: str, name: str = "samples.tsv", separator: str = "\t") -> Path:
    path = folder / name
    path.write_text("\n".join(row.replace(",", separator) for row in rows) + "\n")
    return path


HEAD = "sample,patient,timepoint,path"


def test_a_plain_sheet(folder: Path) -> None:
    path = _sheet(folder, HEAD, "s1,P1,pre,a.h5", "s2,P1,relapse,b.h5")
    samples = read_samples(path, modality="single_cell")
    assert samples["sample"].tolist() == ["s1", "s2"]
    assert samples["path"].tolist() == [str(folder / "a.h5"), str(folder / "b.h5")]
    assert set(samples["modality"]) == {"single_cell"}
    assert samples["therapy"].isna().all()


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_delimiters_blank_lines_and_a_byte_order_mark(folder: Path, separator: str) -> None:
    path = folder / "s.csv"
    text = "\n".join([HEAD, " s1 ,P1,pre,a.h5", "", "s2,P1,relapse,b.h5", ",,,"]).replace(",", separator)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_samples(path, modality="single_cell")["sample"].tolist() == ["s1", "s2"]


def test_renaming_defaults_and_an_unnamed_column(folder: Path) -> None:
    path = _sheet(folder, ",donor,condition,age", "s1,76,pre,30", "s2,76,relapse,31", separator=",")
    samples = read_samples(
        path,
        columns={"sample": "", "patient": "donor", "timepoint": "condition"},
        defaults={"therapy": "ici", "tissue": "skin"},
        modality="bulk",
        matrix=folder / "a.h5",
    )
    assert samples["patient"].tolist() == ["76", "76"]
    assert set(samples["therapy"]) == {"ici"}
    assert set(samples["path"]) == {str(folder / "a.h5")}
    assert samples["age"].tolist() == [30, 31]


def test_a_mapped_name_does_not_lose_the_column_that_bore_it(folder: Path) -> None:
    path = _sheet(folder, HEAD + ",bin", "s1,P1,M03,a.h5,Early", "s2,P1,M12,b.h5,Late")
    samples = read_samples(path, columns={"timepoint": "bin"}, modality="single_cell")
    assert samples["timepoint"].tolist() == ["Early", "Late"]
    assert samples["timepoint_in_sheet"].tolist() == ["M03", "M12"]


def test_one_column_may_serve_twice(folder: Path) -> None:
    path = _sheet(folder, "id,patient,timepoint", "a.h5,P1,pre", "b.h5,P1,relapse")
    samples = read_samples(path, columns={"sample": "id", "path": "id"}, modality="single_cell")
    assert samples["sample"].tolist() == ["a.h5", "b.h5"]


def test_defaults_fill_only_what_is_empty(folder: Path) -> None:
    path = _sheet(folder, HEAD + ",tissue", "s1,P1,pre,a.h5,blood", "s2,P1,relapse,b.h5,")
    samples = read_samples(path, defaults={"tissue": "marrow"}, modality="single_cell")
    assert samples["tissue"].tolist() == ["blood", "marrow"]


def test_ne_is_a_value_and_empty_is_missing(folder: Path) -> None:
    path = _sheet(folder, HEAD + ",response,score", "s1,P1,pre,a.h5,NE,NA", "s2,P2,pre,b.h5,,2")
    samples = read_samples(path, modality="single_cell")
    assert samples["response"].tolist() == ["NE", None]
    assert samples["score"].tolist() == ["NA", "2"]


def test_what_is_read_back_is_the_same(folder: Path) -> None:
    path = _sheet(folder, HEAD + ",age,arm", "s1,01,pre,a.h5,30,x", "s2,02,pre,b.h5,,", "s3,03,pre,c.h5,31.5,y")
    samples = read_samples(path, modality="single_cell")
    write_table(samples, SAMPLES, folder / "out.tsv")
    pd.testing.assert_frame_equal(read_table(folder / "out.tsv", SAMPLES), samples)
    assert samples["patient"].tolist() == ["01", "02", "03"]


def _faults(path: Path, **more: object) -> list[str]:
    with pytest.raises(OhmicsError) as caught:
        read_samples(path, **{"modality": "single_cell", **more})
    return [str(fault) for fault in caught.value.faults]


def test_all_faults_at_once_with_their_rows(folder: Path) -> None:
    path = _sheet(
        folder,
        HEAD + ",therapy",
        "s1,P1,pre,a.h5,car_t",
        "",
        "s1,P1,relapse,b.h5,cart",
        "s/3,,pre,gone.h5,car_t",
        "..,P4,pre,a.h5,car_t",
    )
    faults = _faults(path)
    assert faults == [
        "samples.tsv, row 5: `patient` is empty.",
        "samples.tsv, row 5: sample id `s/3` cannot name a folder; legal: letters, digits, dot, dash and underscore, "
        "a letter or digit first.",
        "samples.tsv, row 6: sample id `..` cannot name a folder; legal: letters, digits, dot, dash and underscore, "
        "a letter or digit first.",
        "samples.tsv: sample `s1` stands 2 times, in rows 2, 4.",
        "samples.tsv, row 4: `cart` is not a value of column `therapy`; legal: car_t, ici; did you mean `car_t`?.",
        "samples.tsv: rows 2 and 6 share one path, a.h5; legal: one single-cell file a sample; of one "
        "file with many samples, name the column of obs that tells them as input.sample_column.",
        f"samples.tsv, row 5: no such file: gone.h5; paths are relative to {folder}.",
    ]


def test_a_missing_column_names_the_one_that_was_meant(folder: Path) -> None:
    (fault,) = _faults(_sheet(folder, "sample,patient,timepont,path", "s1,P1,pre,a.h5"))
    assert fault.startswith("samples.tsv, row 1: column `timepoint` is missing")
    assert "did you mean `timepont`?" in fault


def test_a_slip_in_an_optional_column_is_told_from_a_covariate(folder: Path) -> None:
    (fault,) = _faults(_sheet(folder, HEAD + ",enrichement,age", "s1,P1,pre,a.h5,CD3,30"))
    assert fault == "samples.tsv, row 1: unknown column `enrichement`; did you mean `enrichment`?."


def test_a_mapping_to_a_column_that_is_not_there(folder: Path) -> None:
    faults = _faults(_sheet(folder, HEAD, "s1,P1,pre,a.h5"), columns={"tissue": "pathh"})
    assert faults == [
        "samples.tsv, row 1: `pathh`, mapped to `tissue`, is no column of the sheet; "
        "legal: `sample`, `patient`, `timepoint`, `path`; did you mean `path`?."
    ]


def test_bulk_samples_may_share_one_path(folder: Path) -> None:
    path = _sheet(folder, HEAD, "s1,P1,pre,a.h5", "s2,P1,relapse,a.h5")
    assert len(read_samples(path, modality="bulk")) == 2


def test_a_link_does_not_hide_a_shared_path(folder: Path) -> None:
    (folder / "link.h5").symlink_to(folder / "a.h5")
    (fault,) = _faults(_sheet(folder, HEAD, "s1,P1,pre,a.h5", "s2,P1,relapse,link.h5"))
    assert "rows 2 and 3 share one path" in fault


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the sheet is empty"),
        (b"sample\tpatient\ttimepoint\tpath\n", "the sheet names no sample"),
        (b"sample\tsample\tpatient\n1\t2\t3\n", "columns stand twice: sample"),
        (b"PK\x03\x04\xff\xfe\x00", "the sheet is not UTF-8 text"),
        (b"sample\tpatient\ttimepoint\tpath\ns1\tP1\tpre\ta.h5\textra\n", "5 cells under 4 headings"),
        (b"sample\tpatient\n\x00\tb\n", "the file holds a NUL byte"),
    ],
)
def test_sheets_that_cannot_be_read(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "s.tsv").write_bytes(content)
    assert any(sentence in fault for fault in _faults(folder / "s.tsv"))


def test_no_sheet(folder: Path) -> None:
    (fault,) = _faults(folder / "none.tsv")
    assert fault == f"{folder}/none.tsv: no such sample sheet."


def test_a_run_has_one_modality(folder: Path) -> None:
    head = f"{HEAD},modality"
    rows = ("s1,P1,pre,a.h5,bulk", "s2,P1,relapse,b.h5,single_cell", "s3,P2,pre,b.h5,single_cell")
    path = _sheet(folder, head, *rows)
    with pytest.raises(OhmicsError) as caught:
        read_samples(path, modality="bulk")
    # One fault: that single-cell samples share a path would only be confusing.
    assert str(caught.value) == (
        "samples.tsv, row 3, 4: `modality` is single_cell, but the run is bulk; legal: one modality a run; "
        "make a sheet and a config for each."
    )
