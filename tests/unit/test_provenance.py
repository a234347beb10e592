import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ohmics.provenance as provenance
from ohmics.errors import OhmicsError


def digests(root: Path) -> dict[str, str]:
    code = (
        "import ohmics.provenance as p, json, pathlib\n"
        f"p._ROOT = pathlib.Path({str(root)!r})\n"
        "print(json.dumps({n: p.code_digest('ohmics.cli.' + n) for n in ('de', 'report', 'gather')}))"
    )
    import json

    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def test_an_edit_changes_the_digest_of_what_imports_it_and_of_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "ohmics"
    shutil.copytree(Path(provenance.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    before = digests(root)
    voom = root / "stats" / "voom.py"
    voom.write_text(voom.read_text() + "\n# changed\n")
    after = digests(root)
    assert after["de"] != before["de"]
    assert after["report"] == before["report"]
    assert after["gather"] == before["gather"]
    tables = root / "tables.py"
    tables.write_text(tables.read_text() + "\n# changed\n")
    assert all(digests(root)[name] != after[name] for name in after)


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(OhmicsError, match=r"no module `ohmics\.nothing`"):
        provenance.code_digest("ohmics.nothing")


def test_versions_name_the_package_and_python() -> None:
    found = provenance.versions()
    assert found["python"].startswith("3.")
    assert found["ohmics"]
