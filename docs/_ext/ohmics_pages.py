"""The package and the repository's own pages come in; pages for Sphinx go out, into ``docs/generated``.

Nothing here is written by hand twice: the API, the command line, the tables, the catalogue and the measured rates are
read from what the code itself uses. Only pages whose text changed are written, so that a second build is short.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

import api_pages
import command_pages
import docstrings
import mechanism_pages
import rate_pages
import table_pages
from docutils import nodes  # type: ignore[import-untyped]  # docutils ships no types
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

import ohmics

DOCS = Path(__file__).resolve().parents[1]
REPOSITORY = DOCS.parent
GENERATED = DOCS / "generated"
# A page of the repository -> its page here, and the heading it gets where it has none.
COPIED: dict[str, tuple[str, str]] = {
    "config/README.md": ("generated/configuration", ""),
    "resources/README.md": ("generated/resources", ""),
    "benchmarks/calls.md": ("generated/benchmarks/calls", "# Calls: measured tables"),
    "benchmarks/scale.md": ("generated/benchmarks/scale", ""),
    "benchmarks/score.md": ("generated/benchmarks/score", ""),
    "benchmarks/stats.md": ("generated/benchmarks/stats", ""),
    "CONTRIBUTING.md": ("generated/contributing", ""),
    "CHANGELOG.md": ("generated/changelog", ""),
}
FIRST_RUN = "generated/first_run"
_ELSEWHERE = {
    "config/config.yaml": "generated/config_yaml",
    "docs/calibration.tsv": "generated/calibration/index",
    "README.md": "index",
}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the pages to a build."""
    app.connect("builder-inited", _generate)
    app.connect("source-read", _source_read)
    app.connect("missing-reference", _public_name)
    # Before napoleon, which reads at 500.
    app.connect("autodoc-process-docstring", docstrings.mended, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def texts() -> dict[str, str]:
    """Return every generated page by its path below ``docs``."""
    made = {f"generated/api/{name}.rst": text for name, text in api_pages.pages().items()}
    made |= {f"generated/catalogue/{name}.md": text for name, text in mechanism_pages.pages(ohmics.catalog()).items()}
    made |= {
        f"generated/calibration/{name}.md": text for name, text in rate_pages.pages(DOCS / "calibration.tsv").items()
    }
    made["generated/tables.md"] = table_pages.page()
    made["generated/commands.md"] = command_pages.page()
    made["generated/config_yaml.md"] = _config_page()
    made[f"{FIRST_RUN}.md"] = _first_run()
    for source, (page, head) in COPIED.items():
        text = (REPOSITORY / source).read_text(encoding="utf-8")
        made[f"{page}.md"] = relinked(f"{head}\n\n{text}".lstrip(), source, page)
    return made


def relinked(text: str, source: str, page: str) -> str:
    """Return Markdown whose links between files of the repository lead to the pages made of these files."""

    def _changed(match: re.Match[str]) -> str:
        words, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if "://" in target or target.startswith("mailto:"):
            return match.group(0)
        path = os.path.normpath(PurePosixPath(source).parent / target)
        found = _page_of(path)
        if found is None:
            return words if words.startswith("`") else f"`{path}`"
        return f"[{words}]({os.path.relpath(found, PurePosixPath(page).parent)}.md{anchor})"

    return _LINK.sub(_changed, text)


def _page_of(path: str) -> str | None:
    if path in COPIED:
        return COPIED[path][0]
    if path in _ELSEWHERE:
        return _ELSEWHERE[path]
    inside = path.startswith("docs/") and path.endswith(".md") and (REPOSITORY / path).exists()
    return path.removeprefix("docs/").removesuffix(".md") if inside else None


def _first_run() -> str:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    start, end = text.index("## Two commands"), text.index("## What it does not do")
    return relinked("# Install and first run\n\n" + text[start:end], "README.md", FIRST_RUN)


def _config_page() -> str:
    text = (REPOSITORY / "config" / "config.yaml").read_text(encoding="utf-8")
    return (
        "# Every key of the config\n\nThe file that `ohmics init` writes. What you leave out takes the default that "
        f"stands here; an unknown key is refused, with the nearest legal one.\n\n```yaml\n{text.rstrip()}\n```\n"
    )


def _generate(_app: Sphinx) -> None:
    if absent := api_pages.undocumented():
        raise ExtensionError(f"docs/_ext/api_pages.py: no group holds {', '.join(absent)}")
    made = texts()
    for name, text in made.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in GENERATED.rglob("*"):
        if path.is_file() and str(path.relative_to(DOCS)) not in made:
            path.unlink()


def _source_read(_app: Sphinx, docname: str, content: list[str]) -> None:
    # Pages of docs/ also stand in the repository, where their links lead to files.
    if not docname.startswith("generated/") and "](../" in content[0]:
        content[0] = relinked(content[0], f"docs/{docname}.md", docname)


def _public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Node | None:
    """Lead a type named by its module (``ohmics.catalog.Catalog``) to the public name it is documented under."""
    target = str(node.get("reftarget", ""))
    last = target.rpartition(".")[2]
    domain = env.get_domain("py")
    named = [name for _, _, names in api_pages.groups() for name in names if name.rpartition(".")[2] == last]
    if node.get("refdomain") != "py" or len(named) != 1 or named[0] == target:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", named[0], node, contnode)
