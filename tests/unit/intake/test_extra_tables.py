"""Tables of cells and of junction reads: every fault with its row."""

import pytest

from ohmics.errors import OhmicsError
from ohmics.intake.extra_tables import cell_flags, read_cell_table, read_junctions


def written(folder, text):
    path = folder / "table.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def faults(call):
    with pytest.raises(OhmicsError) as caught:
        call()
    return [str(fault) for fault in caught.value.faults]


def test_a_table_of_cells_keeps_its_columns_and_empties(tmp_path):
    path = written(tmp_path, "sample\tbarcode\tclone\tnote\na\tAAA\ttrue\tx\na\tCCC\t\t\nb\tAAA\tNo\ty\n")
    frame = read_cell_table(path)
    assert frame["note"].tolist() == ["x", None, "y"]
    flags = cell_flags(frame, "clone", where="table.tsv")
    assert flags.isna().tolist() == [False, True, False]
    assert flags.dropna().tolist() == [True, False]


def test_a_table_of_cells_says_all_that_is_wrong(tmp_path):
    path = written(tmp_path, "sample\tbarcode\tclone\na\tAAA\tmaybe\na\tAAA\ttrue\n\tCCC\ttrue\n")
    said = faults(lambda: read_cell_table(path))
    assert len(said) == 2
    assert any("row 3" in text and "stands twice" in text for text in said)
    assert any("row 4" in text and "no sample" in text for text in said)
    path = written(tmp_path, "sample\tbarcode\tclone\na\tAAA\tmaybe\n")
    frame = read_cell_table(path)
    assert "row 2" in faults(lambda: cell_flags(frame, "clone", where="table.tsv"))[0]
    assert "did you mean `clone`?" in faults(lambda: cell_flags(frame, "clon", where="table.tsv"))[0]


def test_missing_columns_and_files_are_named(tmp_path):
    path = written(tmp_path, "sample,barcodes\na,AAA\n")
    assert "did you mean `barcodes`?" in faults(lambda: read_cell_table(path))[0]
    assert "no such file" in faults(lambda: read_cell_table(tmp_path / "none.tsv"))[0]
    assert "no row" in faults(lambda: read_cell_table(written(tmp_path, "sample\tbarcode\n")))[0]


def test_junction_reads_are_whole_numbers_of_samples_of_the_sheet(tmp_path):
    head = "sample\tevent\tupstream\tdownstream\tskipping\n"
    good = read_junctions(written(tmp_path, head + "P1\tCD19 exon 2\t10\t12\t3\n"), samples=["P1"])
    assert good[["upstream", "downstream", "skipping"]].to_numpy().tolist() == [[10, 12, 3]]
    text = head + "P1\tCD19 exon 2\t10\t1.5\t-3\nP9\tCD19 exon 2\t1\t1\t1\nP1\tCD19 exon 2\t1\t\t1\n"
    said = faults(lambda: read_junctions(written(tmp_path, text), samples=["P1"]))
    assert len(said) == 5
    assert sum("row 2" in one for one in said) == 2
    assert any("no sample `P9`" in one for one in said)
    assert any("stands twice" in one for one in said)


def test_a_check_of_the_config_looks_into_both_tables(tmp_path):
    from ohmics.intake.config import InputConfig
    from ohmics.intake.extra_tables import extra_faults

    cells, reads = tmp_path / "cells.tsv", tmp_path / "reads.tsv"
    cells.write_text("sample\tbarcode\tclone\na\tAAA\tmaybe\n")
    reads.write_text("sample\tevent\tupstream\tdownstream\tskipping\nb\tCD19 exon 2\t1\t1\t1\n")
    given = InputConfig(samples="s", modality="single_cell", cells=str(cells), junctions=str(reads))
    said = [str(fault) for fault in extra_faults(given, "clone", ["a"])]
    assert len(said) == 2
    assert "no sample `b`" in said[0]
    assert "holds `maybe`" in said[1]
    assert "no sample of the sheet" in str(extra_faults(given, None, ["c", "b"])[0])
    assert extra_faults(InputConfig(samples="s", modality="single_cell"), None, ["a"]) == []
