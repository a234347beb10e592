"""What a new user does wrong gets one sentence from `ohmics run`, before anything runs."""

from pathlib import Path

from workflow_calls import call


def test_a_misspelt_key_is_named(toy_bulk: Path, tmp_path: Path) -> None:
    text = (toy_bulk / "config.yaml").read_text().replace("contrasts:", "contarsts:")
    (tmp_path / "config.yaml").write_text(text)
    done = call(tmp_path, "run", "config.yaml", check=False)
    assert done.returncode == 2
    assert "unknown key `contarsts`" in done.stderr
    assert "did you mean `contrasts`?" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_misspelt_profile_is_named(toy_bulk: Path) -> None:
    done = call(toy_bulk, "run", "config.yaml", "--profile-name", "locale", check=False)
    assert done.returncode == 2
    assert "no profile `locale`" in done.stderr
    assert "did you mean `local`?" in done.stderr


def test_a_contrast_without_samples_is_named(toy_bulk: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "bulk"
    shutil.copytree(toy_bulk, folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("test: relapse", "test: relaps"))
    done = call(folder, "run", "config.yaml", check=False)
    assert done.returncode == 2
    assert "`relaps`" in done.stderr
    assert "did you mean `relapse`?" in done.stderr


def test_no_config_is_one_sentence(tmp_path: Path) -> None:
    done = call(tmp_path, "run", "nothing.yaml", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ohmics init" in done.stderr


def test_verify_of_an_empty_folder_says_what_to_give(tmp_path: Path) -> None:
    done = call(tmp_path, "verify", ".", check=False)
    assert done.returncode == 2
    assert "no tables here" in done.stderr
