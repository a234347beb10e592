"""A file of an earlier stage that is cut off or damaged is named by every verb that reads it, and by its path."""

from __future__ import annotations

import argparse
import json
import types
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ohmics import cli
from ohmics.cli._damage import find_damage, made_files, refuse_cut_off
from ohmics.errors import OhmicsError
from ohmics.io import write_h5ad

ROWS = pd.DataFrame({"gene": [f"GENE{i}" for i in range(500)], "q": np.linspace(0, 1, 500)})


def table(path: Path) -> None:
    ROWS.to_csv(path, sep="\t", index=False)


def lists(path: Path) -> None:
    path.write_text(json.dumps({"lists": list(ROWS["gene"])}), encoding="utf-8")


def parquet(path: Path) -> None:
    ROWS.to_parquet(path, index=False)


def counts(path: Path) -> None:
    write_h5ad(ad.AnnData(sparse.random(80, 300, density=0.5, format="csr", random_state=0)), path)


FORMS: dict[str, Callable[[Path], None]] = {"a.tsv": table, "a.json": lists, "a.parquet": parquet, "a.h5ad": counts}


@pytest.fixture(params=sorted(FORMS))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A whole file of each form."""
    path = tmp_path / request.param
    FORMS[request.param](path)
    return path


def test_a_whole_file_is_read(made: Path) -> None:
    refuse_cut_off({"counts": made})
    assert find_damage({"counts": made}) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_named_with_what_to_do(made: Path, share: float) -> None:
    whole = made.read_bytes()
    made.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(OhmicsError, match=f"{made.name}: the file is cut off or damaged; delete it and give the same"):
        refuse_cut_off({"counts": made})


def test_other_bytes_in_its_place_are_named(made: Path) -> None:
    made.write_bytes(np.random.default_rng(0).integers(128, 256, 3000, dtype=np.uint8).tobytes())
    with pytest.raises(OhmicsError, match="cut off or damaged"):
        refuse_cut_off({"counts": made})
    assert find_damage({"counts": made}) is not None


def test_damage_within_packed_numbers_is_found_by_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    counts(path)
    with h5py.File(path) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    for place in range(chunk.byte_offset + 20, chunk.byte_offset + chunk.size - 20):
        raw[place] ^= 0x5A
    path.write_bytes(raw)
    refuse_cut_off({"counts": path})
    assert "a.h5ad" in str(find_damage({"counts": path}))


def test_every_damaged_file_is_named_at_once(tmp_path: Path) -> None:
    for name in ("one.tsv", "two.tsv"):
        (tmp_path / name).write_text("gene\tq\nGENE1\t0.", encoding="utf-8")
    table(tmp_path / "three.tsv")
    with pytest.raises(OhmicsError) as caught:
        refuse_cut_off({"part": [tmp_path / "one.tsv", tmp_path / "two.tsv", tmp_path / "three.tsv"]})
    assert [Path(fault.where).name for fault in caught.value.faults] == ["one.tsv", "two.tsv"]


def test_files_of_the_user_outputs_and_files_being_written_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results" / "tables").mkdir(parents=True)
    for name in ("matrix.tsv", "out.tsv", "results/tables/.effects.tsv.x1.tsv"):
        (tmp_path / name).write_text("no end", encoding="utf-8")
    options = {"matrix": tmp_path / "matrix.tsv", "out_qc": tmp_path / "out.tsv", "threads": 2}
    assert made_files({**options, "results": tmp_path / "results"}) == []


def test_a_folder_stands_for_what_stages_put_there(tmp_path: Path) -> None:
    for name in ("tables/effects.tsv", "counts/bulk.h5ad", "samples/A/qc.tsv", "pairs.tsv", "logs/a.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    found = {str(path.relative_to(tmp_path)) for path in made_files({"results": tmp_path})}
    assert found == {"tables/effects.tsv", "counts/bulk.h5ad", "samples/A/qc.tsv", "pairs.tsv"}
    assert made_files({"folder": tmp_path / "samples"}) == [tmp_path / "samples" / "A" / "qc.tsv"]


def stage(run: Callable[[argparse.Namespace], int]) -> types.SimpleNamespace:
    def add_parser(commands: argparse._SubParsersAction) -> None:
        parser = commands.add_parser("de")
        parser.add_argument("--counts", type=Path)
        parser.set_defaults(func=run)

    return types.SimpleNamespace(add_parser=add_parser)


def test_the_command_names_a_file_that_is_cut_off_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[object] = []
    monkeypatch.setattr(cli, "import_module", lambda _: stage(lambda given: started.append(given) or 0))
    table(tmp_path / "a.tsv")
    assert cli.main(["de", "--counts", str(tmp_path / "a.tsv")]) == 0
    (tmp_path / "a.tsv").write_text("gene\tq\nGENE1", encoding="utf-8")
    assert cli.main(["de", "--counts", str(tmp_path / "a.tsv")]) == 2
    assert len(started) == 1
    assert capsys.readouterr().err.startswith(f"ohmics de: {tmp_path / 'a.tsv'}: the file is cut off or damaged")


def test_a_stage_that_fails_is_told_of_the_damaged_file_and_else_of_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise ValueError("what a library says")

    monkeypatch.setattr(cli, "import_module", lambda _: stage(fail))
    path = tmp_path / "a.tsv"
    table(path)
    with pytest.raises(ValueError, match="what a library says"):
        cli.main(["de", "--counts", str(path)])
    path.write_bytes(b"gene\tq\n\xff\xfe\t1\n")
    assert cli.main(["de", "--counts", str(path)]) == 2
    assert "a.tsv: the file is cut off or damaged" in capsys.readouterr().err


def test_options_of_the_stages_are_known_by_name() -> None:
    """A stage's new option that names a user's file has to be told apart from those that earlier stages made."""
    from importlib import import_module

    known = {
        "antigen", "association", "car", "cell_measures", "cells", "composition", "content", "counts", "de", "effects",
        "embedding", "enrichment", "folder", "lineage", "lists", "malignant", "pairs", "part", "presentation", "qc",
        "reference", "results", "samples", "scores", "skipped", "state_composition", "state_effects", "targets",
    }  # fmt: skip
    theirs = {"calibration", "collection", "config", "junctions", "matrix", "own_cells"}
    found = set()
    for verb, (module, _, group) in cli.VERBS.items():
        if group == "stages":
            commands = argparse.ArgumentParser().add_subparsers()
            import_module(f"ohmics.cli.{module}").add_parser(commands)
            actions = commands.choices[verb]._actions
            found |= {action.dest for action in actions if action.type is Path and not action.dest.startswith("out")}
    assert found - theirs <= known, "say in _damage.py whose file this is, and here"
