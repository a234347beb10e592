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


def test_several_values_of_a_side_are_one_text_and_read_back() -> None:
    contrast = Contrast(variable="response", test=["PD", "SD"], reference=("CR", "PR"))
    assert (contrast.test, contrast.reference, contrast.label) == ("PD|SD", "CR|PR", "PD_SD_vs_CR_PR")
    assert contrast.test_values == ("PD|SD", "PD", "SD")
    assert Contrast(variable="response", test=contrast.test, reference=contrast.reference) == contrast
    assert Contrast(variable="age").test_values == ()


def test_continuous_contrast_is_named_by_its_variable() -> None:
    assert Contrast(variable="age").label == "age"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"test": "a"}, "give both test and reference"),
        ({"test": "a", "reference": "a"}, "are both `a`"),
        ({"test": ["a", "b"], "reference": "b|c"}, "are both `b`"),
        ({"test": [], "reference": "b"}, "test is an empty list"),
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
