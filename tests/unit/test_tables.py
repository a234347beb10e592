import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.tables import EFFECTS, QC, SAMPLES, SKIPPED, TABLES, check, skipped

ROW = {"sample": "a", "patient": "p", "timepoint": "pre", "modality": "bulk", "path": "x"}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_schema_is_whole(table) -> None:
    names = table.names
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    assert all(column.meaning for column in table.columns)
    check(table.empty(), table)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_schema_refuses_a_missing_column(table) -> None:
    required = next(column.name for column in table.columns if column.required)
    with pytest.raises(OhmicsError, match=f"column `{required}` is missing"):
        check(table.empty().drop(columns=required), table)


def test_conform_fills_columns_and_keeps_covariates() -> None:
    frame = SAMPLES.conform([{**ROW, "age": 7}])
    assert list(frame.columns[:5]) == list(ROW)
    assert frame["tissue"].isna().all()
    assert frame["age"].tolist() == [7]


def test_check_collects_every_fault() -> None:
    wrong = pd.DataFrame([{**ROW, "modality": "bulks"}, {**ROW, "patient": ""}])
    with pytest.raises(OhmicsError) as caught:
        check(wrong, SAMPLES)
    text = str(caught.value)
    assert "did you mean `bulk`?" in text
    assert "1 rows are empty" in text
    assert "2 rows share a key (sample): a" in text


def test_unknown_columns_are_refused_where_a_table_is_closed() -> None:
    with pytest.raises(OhmicsError, match=r"unknown column `stagee`; .*did you mean `stage`"):
        check(SKIPPED.empty().assign(stagee=""), SKIPPED)


def test_numbers_out_of_range_are_counted() -> None:
    frame = EFFECTS.empty()
    row = dict.fromkeys(EFFECTS.names)
    row |= {
        "contrast": "c",
        "level": "cohort",
        "subject": "c",
        "cell_type": "bulk",
        "mechanism": "m",
        "gene_list": "m/l",
    }
    row |= {"method": "ucell", "depth": "raw", "p": 1.5}
    frame = pd.DataFrame([row])
    with pytest.raises(OhmicsError, match=r"column `p`: 1 values are > 1"):
        EFFECTS.conform(frame)


def test_text_in_a_number_column_is_named() -> None:
    frame = QC.empty()
    frame = pd.DataFrame([{**dict.fromkeys(QC.names), "sample": "a", "verdict": "use", "cells_in": "many"}])
    with pytest.raises(OhmicsError, match="`many` is no number"):
        check(frame, QC)


def test_na_is_a_value_and_empty_is_missing() -> None:
    frame = SAMPLES.conform([{**ROW, "response": "NA", "tissue": ""}])
    assert frame["response"].tolist() == ["NA"]
    assert frame["tissue"].isna().all()


def test_skipped_row_refuses_other_columns() -> None:
    assert skipped("de", "too few", cell_type="NK")["cell_type"] == "NK"
    with pytest.raises(OhmicsError, match="no column gene"):
        skipped("de", "too few", gene="CD19")
