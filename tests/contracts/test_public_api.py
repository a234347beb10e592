"""The public names: there, documented, and never a row of positional arguments or a positional switch."""

import inspect

import pytest

import ohmics as om

FUNCTIONS = [name for name in om.__all__ if inspect.isfunction(getattr(om, name))]
# What DESIGN-like positional use needs more than three of, with the reason; none so far.
EXCEPTIONS: dict[str, str] = {}


@pytest.mark.parametrize("name", om.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(om, name)
    if name != "__version__":
        assert inspect.getdoc(value), name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_at_most_three_positional_parameters_and_no_positional_switch(name: str) -> None:
    parameters = inspect.signature(getattr(om, name)).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert len(positional) <= 3 or name in EXCEPTIONS
    assert not any(isinstance(p.default, bool) for p in positional)


def test_importing_a_module_does_not_hide_the_function_of_its_name() -> None:
    import importlib

    for name in ("catalog", "embed", "annotate", "compare", "score", "pseudobulk"):
        importlib.import_module(f"ohmics.{name}")
        assert inspect.isfunction(getattr(om, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = om.nothing
