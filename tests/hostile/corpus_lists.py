"""Gene lists, mechanisms and shipped tables with one thing wrong each; no data come in."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

from corpus_config import laughs
from corpus_mtx import bomb
from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import study

GMT = b"SET_A\tfrom a paper\tCD19\tMS4A1\tCD22\nSET_B\tna\tCD3E\tCD8A\n"
MECHANISM = b"""id: my_mechanism
name: Mine
claim: A claim.
therapies: [car_t]
compartment: tumour
tier: additional
measurement: [score]
score_on: [bulk]
primary_line: {nature: expression, gene_list: mine, method: ucell, cell_type: bulk, direction: up}
gene_lists:
  - {name: mine, direction: up, kind: user, genes: [CD19, MS4A1], source: a paper, licence: none, checked: memory}
lines_against:
  - {nature: expression, gene_list: mine, cell_type: bulk, direction: down, note: a rival}
"""


def catalog(name: str, content: bytes | Callable[[], bytes]) -> Maker:
    """Return a maker of one file that `ohmics catalog check` looks at."""

    def make(folder: Path) -> list[str]:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(content() if callable(content) else content)
        return ["catalog", "check", str(path)]

    return make


def listed(name: str, content: bytes | Callable[[], bytes], where: str = "score") -> Maker:
    """Return a maker of a sound study that names a file of gene lists."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.files[name] = content() if callable(content) else content
        if where == "score":
            made.config["score"] = {"gene_lists": [name]}
        elif where == "collections":
            made.config["gene_sets"] = {"collections": {"mine": name}}
        else:
            made.config["catalog_paths"] = [name]
        return made.write()

    return make


def mechanism(edit: Callable[[bytes], bytes]) -> Maker:
    """Return a maker of a sound mechanism with one change."""
    return catalog("mine.yaml", lambda: edit(MECHANISM))


def _folder_loop(folder: Path) -> list[str]:
    (folder / "lists").mkdir(parents=True)
    (folder / "lists/a.gmt").write_bytes(GMT)
    (folder / "lists/again").symlink_to(folder / "lists")
    return ["catalog", "check", str(folder / "lists")]


def _folder_of_nothing(folder: Path) -> list[str]:
    (folder / "lists").mkdir(parents=True)
    return ["catalog", "check", str(folder / "lists")]


def _pipe(folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    os.mkfifo(folder / "a.gmt")
    return ["catalog", "check", str(folder / "a.gmt")]


def _terabyte(folder: Path) -> list[str]:
    words = catalog("a.gmt", GMT)(folder)
    with (folder / "a.gmt").open("r+b") as handle:
        handle.truncate(2**40)
    return words


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


CASES: list[Case] = [
    accepted("gmt", catalog("a.gmt", GMT), "2 of them your own"),
    accepted("gmt-gz", catalog("a.gmt.gz", lambda: gzip.compress(GMT)), "2 of them your own"),
    refused("gmt-empty", catalog("a.gmt", b""), "holds no gene list"),
    *(refused(f"gmt-cut-{n}", catalog("a.gmt", GMT[:n]), "a.gmt") for n in (1, 6, 19)),
    *(refused(f"gmt-gz-cut-{n}", catalog("a.gmt.gz", lambda n=n: gzip.compress(GMT)[:n]), "a.gmt.gz") for n in (5, 30, -4)),
    refused("gmt-gz-twice", catalog("a.gmt.gz", lambda: gzip.compress(gzip.compress(GMT))), "gzipped twice"),
    refused("gmt-gz-bomb", catalog("a.gmt.gz", lambda: bomb(GMT, b"x" * 2**20, 1500)), "unpacks to more than"),
    refused("gmt-of-a-terabyte-of-nothing", _terabyte, "NUL"),
    refused("gmt-utf-16", catalog("a.gmt", GMT.decode().encode("utf-16")), "not UTF-8"),
    refused("gmt-latin-1", catalog("a.gmt", GMT.replace(b"paper", b"p\xe9")), "not UTF-8"),
    refused("gmt-nul", catalog("a.gmt", GMT.replace(b"CD22", b"CD\x0022")), "NUL"),
    refused("gmt-binary", catalog("a.gmt", bytes(range(256))), "NUL"),
    refused("gmt-of-spaces", catalog("a.gmt", GMT.replace(b"\t", b" ")), "tab"),
    refused("gmt-set-twice", catalog("a.gmt", GMT + GMT), "stands twice"),
    refused("gmt-set-without-genes", catalog("a.gmt", GMT + b"SET_C\tna\n"), "no gene set"),
    refused("gmt-set-without-a-name", catalog("a.gmt", b"\tna\tCD19\n"), "no gene set"),
    accepted("gmt-crlf", catalog("a.gmt", GMT.replace(b"\n", b"\r\n")), "2 of them your own"),
    accepted("gmt-cr", catalog("a.gmt", GMT.replace(b"\n", b"\r")), "2 of them your own"),
    accepted("gmt-bom", catalog("a.gmt", b"\xef\xbb\xbf" + GMT), "2 of them your own"),
    refused("gmt-terminal-codes", catalog("a.gmt", GMT.replace(b"SET_A", b"\x1b[2JA")), "control character"),
    slowly(refused("gmt-100000-lines-of-nothing", catalog("a.gmt", b"x\ty\n" * 100_000), "a.gmt")),
    refused("no-such-format", catalog("a.txt", GMT), ".txt", ".gmt"),
    refused("no-suffix", catalog("lists", GMT), "no mechanism or gene set"),
    refused("gmt-is-a-pipe", _pipe, "no regular file"),
    refused("folder-of-nothing", _folder_of_nothing, "holds no mechanism"),
    accepted("folder-in-itself", _folder_loop, "2 of them your own"),
    refused("grp-of-words", catalog("a.grp", b"CD19 MS4A1\n"), "one gene a line"),
    refused("grp-of-comments", catalog("a.grp", b"# CD19\n"), "empty"),
    accepted("json", catalog("a.json", _json({"A": ["CD19", "MS4A1"]})), "1 of them your own"),
    refused("json-cut", catalog("a.json", _json({"A": ["CD19"]})[:-3]), "not JSON"),
    refused("json-list", catalog("a.json", _json([1, 2])), "no named lists"),
    refused("json-numbers", catalog("a.json", _json({"A": [1, 2]})), "no genes are found"),
    refused("json-deep", catalog("a.json", b"[" * 100_000 + b"]" * 100_000), "a.json"),
    refused("json-deep-lists", catalog("a.json", b'{"A": ' * 20_000 + b"1" + b"}" * 20_000), "a.json"),
    refused("json-key-twice", catalog("a.json", b'{"A": ["CD19"], "A": ["CD22"]}'), "stands twice"),
    refused("json-number-of-5000-digits", catalog("a.json", b'{"A": ' + b"9" * 5000 + b"}"), "a.json"),
    refused("json-nan", catalog("a.json", b'{"A": NaN}'), "no genes are found"),
    refused("json-surrogate", catalog("a.json", b'{"A\\ud800": ["CD19"]}'), "control character"),
    refused("csv-no-gene", catalog("a.csv", b"a,b\n1,2\n"), "no column `gene`"),
    refused("csv-direction", catalog("a.csv", b"gene,direction\nCD19,sideways\n"), "no direction"),
    refused("csv-weight", catalog("a.csv", b"gene,weight\nCD19,many\n"), "no weight"),
    refused("csv-cell-of-a-megabyte", catalog("a.csv", b"gene,list\nCD19," + b"x" * 2**20 + b"\n"), "a.csv"),
    refused("csv-both-ways", catalog("a.csv", b"gene,direction\nCD19,up\nCD19,down\n"), "both the up and the down"),
    accepted("mechanism", mechanism(lambda b: b), "no fault"),
    *(refused(f"mechanism-cut-{n}", mechanism(lambda b, n=n: b[:n]), "mine.yaml") for n in (0, 10, 60, 200, 320)),
    refused("mechanism-python", mechanism(lambda b: b + b"note: !!python/object/apply:os.system [id]\n"), "tag"),
    refused("mechanism-alias-bomb", catalog("mine.yaml", laughs(9)), "aliases"),
    refused("mechanism-deep", mechanism(lambda b: b + b"note: " + b"[" * 3000 + b"]" * 3000), "nested"),
    refused("mechanism-key-twice", mechanism(lambda b: b + b"name: Other\n"), "stands twice"),
    refused("mechanism-key-is-a-list", mechanism(lambda b: b + b"? [a]\n: b\n"), "mine.yaml"),
    refused("mechanism-id-path", mechanism(lambda b: b.replace(b"my_mechanism", b"../../x")), "no id"),
    refused("mechanism-id-taken", mechanism(lambda b: b.replace(b"my_mechanism", b"cd19_loss")), "is taken by"),
    refused("mechanism-list", mechanism(lambda b: b"- a\n"), "no mapping"),
    refused("mechanism-margin", mechanism(lambda b: b.replace(b"up}", b"up, margin: -1}", 1)), "margin"),
    refused("mechanism-margin-nan", mechanism(lambda b: b.replace(b"up}", b"up, margin: .nan}", 1)), "margin"),
    refused("mechanism-genes-numbers", mechanism(lambda b: b.replace(b"[CD19, MS4A1]", b"[1, 2]")), "no list of texts"),
    refused("mechanism-latin-1", mechanism(lambda b: b.replace(b"Mine", b"M\xe9")), "not UTF-8"),
    refused("mechanism-nul", mechanism(lambda b: b.replace(b"Mine", b"M\x00")), "NUL"),
    refused("mechanism-20-megabytes", mechanism(lambda b: b + b"# " + b"x" * 20_000_000), "mine.yaml"),
    accepted("study-gmt", listed("a.gmt", GMT), "complete pair"),
    refused("study-gmt-twice", listed("a.gmt", GMT + GMT), "stands twice"),
    refused("study-gmt-bomb", listed("a.gmt.gz", lambda: bomb(GMT, b"x" * 2**20, 1500)), "unpacks to more than"),
    refused("study-collection-of-spaces", listed("a.gmt", GMT.replace(b"\t", b" "), "collections"), "tab"),
    refused("study-collection-nul", listed("a.gmt", b"\x00" * 64, "collections"), "NUL"),
    refused("study-mechanism-cut", listed("mine.yaml", MECHANISM[:60], "catalog"), "mine.yaml"),
]  # fmt: skip
