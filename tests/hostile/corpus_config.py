"""Configs with one thing wrong each, and some that only look strange; no data come in."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import study

PLAIN = b"""project: Study
input:
  samples: samples.tsv
  modality: bulk
  matrix: counts.csv
contrasts:
  - {variable: timepoint, test: relapse, reference: pre, pair_by: patient}
"""


def text(content: bytes | Callable[[bytes], bytes]) -> Maker:
    """Return a maker of a sound study whose config is this text."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.files["config.yaml"] = content(PLAIN) if callable(content) else content
        return made.write()

    return make


def more(content: str) -> Maker:
    """Return a maker of a sound config with lines added."""
    return text(lambda plain: plain + content.encode())


def key(**settings: Any) -> Maker:
    """Return a maker of a sound config with sections changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.config |= settings
        return made.write()

    return make


def inputs(**settings: Any) -> Maker:
    """Return a maker of a sound config with keys of ``input`` changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.config["input"] |= settings
        return made.write()

    return make


def contrast(**settings: Any) -> Maker:
    """Return a maker of a sound config with its contrast changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.config["contrasts"][0] |= settings
        return made.write()

    return make


def laughs(levels: int) -> bytes:
    """Return a YAML whose last line stands for nine to the power of ``levels`` words."""
    lines = ["project: Study", "a: &a [x, x, x, x, x, x, x, x, x]"]
    for number in range(1, levels):
        one, before = chr(97 + number), chr(96 + number)
        lines.append(f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]")
    return "\n".join(lines).encode()


CASES: list[Case] = [
    accepted("sound", text(PLAIN), "complete pair"),
    refused("empty", text(b""), "the config holds no keys"),
    refused("only-a-comment", text(b"# nothing\n"), "the config holds no keys"),
    refused("a-list", text(b"- project\n"), "the config holds no keys"),
    refused("a-word", text(b"project"), "the config holds no keys"),
    refused("two-documents", text(lambda plain: plain + b"---\n" + plain), "config.yaml, line"),
    *(refused(f"cut-{n}", text(lambda b, n=n: b[:n]), "config.yaml") for n in (5, 20, 40, 60, 100, 150)),
    refused("gzip", text(gzip.compress), "not UTF-8"),
    refused("utf-16", text(lambda b: b.decode().encode("utf-16")), "not UTF-8"),
    refused("utf-16-without-a-mark", text(lambda b: b.decode().encode("utf-16-le")), "config.yaml"),
    refused("latin-1", text(lambda b: b.replace(b"Study", b"\xc9tude")), "not UTF-8"),
    accepted("bom", text(lambda b: b"\xef\xbb\xbf" + b), "complete pair"),
    accepted("crlf", text(lambda b: b.replace(b"\n", b"\r\n")), "complete pair"),
    accepted("cr", text(lambda b: b.replace(b"\n", b"\r")), "complete pair"),
    refused("nul", text(lambda b: b.replace(b"Study", b"St\x00udy")), "control character"),
    refused("escaped-nul-in-a-path", more("catalog_paths: [\"a\\0b.gmt\"]\n"), "control character"),
    refused("escaped-terminal-codes", text(lambda b: b.replace(b"Study", b'"St\\e[2Judy"')), "control character"),
    refused("lone-surrogate", text(lambda b: b.replace(b"Study", b'"\\uD800"')), "control character"),
    refused("tabs", text(lambda b: b.replace(b"  samples", b"\tsamples")), "never by tabs"),
    refused("key-twice", more("project: Other\n"), "key `project` stands twice"),
    refused("key-twice-below", text(lambda b: b.replace(b"  modality: bulk", b"  modality: bulk\n  modality: bulk")), "stands twice"),
    refused("key-is-a-list", more("? [a, b]\n: c\n"), "key", "text"),
    refused("key-is-a-mapping", more("? {a: b}\n: c\n"), "key", "text"),
    refused("key-is-a-number", more("7: c\n"), "`7`"),
    refused("key-is-null", more("~: c\n"), "unknown key"),
    refused("key-is-true", more("true: c\n"), "unknown key"),
    refused("key-number-below-input", text(lambda b: b.replace(b"  modality", b"  7: x\n  modality")), "`7`"),
    refused("key-number-in-columns", text(lambda b: b.replace(b"  modality", b"  columns: {7: x}\n  modality")), "7"),
    refused("key-number-in-where", text(lambda b: b.replace(b"pair_by", b"where: {7: x}, pair_by")), "7"),
    refused("merge-key", more("<<: {seed: 3}\n"), "unknown key `<<`"),
    refused("tag-of-python", more("seed: !!python/object/apply:os.system ['touch x']\n"), "tag"),
    refused("tag-of-python-name", more("seed: !!python/name:os.system\n"), "tag"),
    refused("tag-of-one's-own", more("seed: !mine 3\n"), "tag"),
    refused("tag-binary", more("outdir: !!binary aGVsbG8=\n"), "tag"),
    refused("tag-set", more("qc: !!set {a, b}\n"), "tag"),
    refused("tag-timestamp", more("outdir: !!timestamp 2001-12-14\n"), "tag"),
    refused("tag-float-nan", more("qc: {n_mads: !!float .nan}\n"), "not a number"),
    refused("tag-float-infinite", more("qc: {n_mads: !!float .inf}\n"), "not a number"),
    refused("tag-int-of-text", more("seed: !!int abc\n"), "abc"),
    refused("tag-bool-of-text", more("embed: {umap: !!bool maybe}\n"), "maybe"),
    refused("number-1e999", more("qc: {n_mads: 1e999}\n"), "not a number"),
    refused("number-of-5000-digits", more(f"seed: {'9' * 5000}\n"), "config.yaml"),
    refused("number-of-2-64", more("seed: 18446744073709551616\n"), "out of range"),
    refused("number-negative", more("seed: -1\n"), "out of range"),
    refused("number-text", more("seed: '1'\n"), "not a whole number"),
    refused("alias-bomb", text(laughs(9)), "aliases"),
    refused("alias-bomb-of-27-levels", text(laughs(26)), "aliases"),
    refused("alias-to-itself", more("qc: &a [*a]\n"), "aliases"),
    refused("alias-to-its-parent", more("qc: &a {min_umi: *a}\n"), "aliases"),
    refused("alias-unknown", more("seed: *nothing\n"), "config.yaml, line"),
    accepted("alias", more("seed: &s 3\nde: {min_cells: *s}\n"), "complete pair"),
    refused("deep-lists", more(f"qc: {'[' * 5000}{']' * 5000}\n"), "nested"),
    refused("deep-mappings", more(f"qc: {'{a: ' * 5000}{'}' * 5000}\n"), "nested"),
    refused("deep-dashes", more(f"qc:\n {'- ' * 5000}x\n"), "nested"),
    refused("100-deep", more(f"qc: {'[' * 100}{']' * 100}\n"), "nested"),
    refused("100000-keys", text(lambda b: b + b"".join(b"k%d: 1\n" % n for n in range(100_000))), "config.yaml"),
    slowly(refused("5000-keys", text(lambda b: b + b"".join(b"k%d: 1\n" % n for n in range(5_000))), "unknown key")),
    refused("20-megabytes", text(lambda b: b + b"# " + b"x" * 20_000_000), "config.yaml"),
    refused("a-word-of-a-megabyte", text(lambda b: b.replace(b"bulk", b"b" * 400_000)), "is not a value of this key"),
    refused("unknown-key", more("contarsts: []\n"), "did you mean `contrasts`?"),
    refused("unknown-key-html", more("<script>: 1\n"), "unknown key"),
    refused("list-for-text", more("outdir: [a]\n"), "is not text"),
    refused("null-section", more("qc:\n"), "null"),
    refused("mapping-for-a-list", text(lambda b: b[: b.index(b"contrasts")] + b"contrasts: {a: b}\n"), "contrasts"),
    refused("contrast-is-a-word", text(lambda b: b[: b.index(b"contrasts")] + b"contrasts: [a]\n"), "contrasts"),
    refused("contrasts-twice", key(contrasts=[study(Path()).config["contrasts"][0]] * 2), "two contrasts are named"),
    slowly(refused("500-contrasts-unknown", key(contrasts=[{"variable": "x", "test": str(n), "reference": "pre"} for n in range(500)]), "more")),
    *(
        refused(f"contrast-name-{n}", contrast(name=name), "contrasts, entry 1")
        for n, name in enumerate(("../x", "a/b", "", "<b>", "a" * 300, "$(id)", "a\nb", ".."))
    ),
    refused("contrast-label-of-the-values", contrast(test="../relapse"), "../relapse"),
    refused("contrast-of-nothing", contrast(variable="nothing"), "nothing"),
    refused("contrast-with-itself", contrast(test="pre"), "contrast"),
    refused("contrast-where-of-lists", contrast(where={"patient": [["P1"]]}), "contrasts"),
    refused("outcomes-of-nothing", key(outcomes=[{"name": "a", "score": "baseline", "contrast": "relapse_vs_pre", "column": "nothing", "positive": ["yes"]}]), "nothing"),
    refused("outcome-without-keys", key(outcomes=[{}]), "outcomes"),
    refused("sizes-upside-down", key(gene_sets={"min_size": 50, "max_size": 5}), "is above max_size"),
    refused("methods-unknown", key(score={"methods": ["ucel"]}), "did you mean `ucell`?"),
    refused("types-unknown", key(annotate={"types": ["T cells; rm -rf"]}), "is not known"),
    refused("environment-is-not-set", inputs(matrix="${OHMICS_NOT_SET_HERE}/x.csv"), "is not set"),
    refused("environment-nested", inputs(matrix="${${HOME}}/x"), "is not set"),
    refused("matrix-missing", inputs(matrix="nothing.csv"), "no such file: nothing.csv"),
    refused("matrix-is-the-root", inputs(matrix="/"), "folder"),
    refused("matrix-of-5000", inputs(matrix="x/" * 2500), "no such file"),
    refused("matrix-of-a-user-nobody-is", inputs(matrix="~nobodyatall/x"), "no such file"),
    refused("sheet-is-the-config", inputs(samples="config.yaml"), "sheet"),
    refused("sheet-is-the-matrix", inputs(samples="counts.csv"), "column `sample` is missing"),
    refused("sheet-is-a-device", inputs(samples="/dev/zero"), "no regular file"),
    refused("matrix-is-a-device", inputs(matrix="/dev/zero"), "no regular file"),
    refused("matrix-of-a-single-cell-run", inputs(modality="single_cell"), "is for bulk runs"),
    refused("transgene-is-a-gene", inputs(transgenes=["CD19"]), "is a human gene"),
    accepted("project-html", key(project="<script>alert(1)</script>"), "complete pair"),
    accepted("project-of-10000", key(project="a" * 10_000), "complete pair"),
]  # fmt: skip
