"""What made a result: versions, and a digest of the code and of the files a stage depends on."""

from __future__ import annotations

import ast
import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ohmics.errors import OhmicsError

_ROOT = Path(__file__).resolve().parent
_REPORTED = (
    "ohmics", "scanpy", "anndata", "pandas", "numpy", "scipy", "numba", "scikit-learn", "scikit-image", "umap-learn",
    "pynndescent", "igraph", "harmonypy", "gseapy", "statsmodels", "snakemake", "matplotlib",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the version of Python and of each package a result rests on; an absent one is ``not installed``."""
    found = {"python": platform.python_version()}
    for name in _REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def file_digest(path: str | Path) -> str:
    """Return the sha256 of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def code_digest(*modules: str) -> str:
    """Return a digest of the modules and of every ohmics module they import, directly or not.

    Snakemake does not see that library code behind a command changed; a rule that holds this digest
    as a parameter reruns when, and only when, the code it runs is another.

    Parameters
    ----------
    modules
        Dotted names within the package, for example ``ohmics.cli.qc``.
    """
    seen: dict[str, Path] = {}
    todo = list(modules)
    while todo:
        name = todo.pop()
        path = _module_path(name)
        if name in seen or path is None:
            if path is None and name in modules:
                raise OhmicsError(f"no module `{name}` in ohmics")
            continue
        seen[name] = path
        todo.extend(_imports(path))
    digest = hashlib.sha256()
    for name in sorted(seen):
        digest.update(name.encode() + b"\0" + seen[name].read_bytes() + b"\0")
    for template in sorted(_ROOT.glob("report/templates/*")) if "ohmics.report.render" in seen else ():
        digest.update(template.name.encode() + b"\0" + template.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _module_path(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != "ohmics":
        return None
    base = _ROOT.joinpath(*parts[1:])
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # `from ohmics.qc import identity` may name a module or something in the package.
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    # The package's own __init__ only points at public names; following it would tie every stage to all others.
    return tuple(n for n in found if n.startswith("ohmics.") and n not in ("ohmics.cli",))
