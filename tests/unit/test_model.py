import pytest

from ohmics.errors import OhmicsError
from ohmics.model import Contrast, GeneList


def test_contrast_names_itself_and_lists_its_columns() -> None:
    contrast = Contrast(
        variable="CAR", test="HA", reference="CD19", pair_by=["donor", "day"], unit="donor", where={"tissue": "PB"}
    )
    assert contrast.label == "HA_vs_CD19"
    assert contrast.blocks == ("donor", "day")
    assert contrast.columns == ("CAR", "donor", "day", "tissue")


def test_continuous_contrast_is_named_by_its_variable() -> None:
    assert Contrast(variable="age").label == "age"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"test": "a"}, "give both test and reference"),
        ({"test": "a", "reference": "a"}, "are both `a`"),
        ({"test": "a", "reference": "b", "pair_by": "patient", "random_by": "patient"}, "exclude each other"),
        ({"test": "a b", "reference": "c"}, "letters, digits"),
    ],
)
def test_nonsense_is_refused(given: dict, said: str) -> None:
    with pytest.raises(OhmicsError, match=said):
        Contrast(variable="timepoint", **given)


def test_gene_list_key() -> None:
    assert GeneList(mechanism="m", name="l", direction="up", genes=("A",)).key == "m/l"
    assert GeneList(mechanism="", name="mine", direction="up", genes=("A",)).key == "mine"
