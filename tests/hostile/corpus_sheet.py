"""Sample sheets with one thing wrong each, and some that only look strange; no data come in."""
# ruff: noqa: E501 -- a table of cases, one line a case

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_case import Case, Maker, accepted, refused, slowly
from hostile_study import SAMPLES, sound, study

Rows = list[dict[str, str]]


def text(edit: Callable[[bytes], bytes], **settings: Any) -> Maker:
    """Return a maker of a sound sheet with its text changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder)
        made.config["input"] |= settings
        made.files["samples.tsv"] = edit(made.sheet_text.encode())
        return made.write()

    return make


def rows(edit: Callable[[Rows], object], modality: str = "bulk", **settings: Any) -> Maker:
    """Return a maker of a sound sheet with its rows changed."""

    def make(folder: Path) -> list[str]:
        made = study(folder, modality)
        if modality == "single_cell":
            made.files |= {row["path"]: sound("h5ad") for row in made.rows}
        edit(made.rows)
        made.config |= settings
        return made.write()

    return make


def sample_id(name: str) -> Maker:
    """Return a maker of a sheet with one sample named so."""
    return rows(lambda given: given[0].update(sample=name))


def patient(name: str) -> Maker:
    """Return a maker of a sheet with one patient named so."""
    return rows(lambda given: [given[number].update(patient=name) for number in (0, 1)])


def path(name: str) -> Maker:
    """Return a maker of a sheet of cells with one path."""
    return rows(lambda given: given[0].update(path=name), "single_cell")


def columns(count: int) -> Callable[[bytes], bytes]:
    """Return an edit that adds columns."""

    def edit(content: bytes) -> bytes:
        head, *body = content.decode().splitlines()
        names = "\t".join(f"c{number}" for number in range(count))
        more = "\t".join(["1"] * count)
        return "\n".join([f"{head}\t{names}", *(f"{line}\t{more}" for line in body)]).encode()

    return edit


_BAD_IDS = (
    "..", "../P1", "/etc/passwd", "a b", "$(reboot)", "`id`", "a;b", "a|b", "a&b", "-rf", ".hidden", "a\\b", "C:x",
    "<b>x</b>", "=1+1", "+1", "@SUM(1)", "{x}", "*", "\u0430bc", "a\u0301", "%2e%2e", "~root", "a'b",
)  # fmt: skip
_ODD_PATIENTS = ("../../x", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "$(reboot)", "Ж日本", "CON", "a" * 500)

CASES: list[Case] = [
    *(refused(f"sample-id-{number}", sample_id(name), "cannot name a folder") for number, name in enumerate(_BAD_IDS)),
    refused("sample-id-of-300", sample_id("a" * 300), "cannot name a folder", "most 100"),
    accepted("patient-path", patient(_ODD_PATIENTS[0]), "complete pair"),
    accepted("patient-html", patient(_ODD_PATIENTS[1]), "complete pair"),
    accepted("patient-formula", patient(_ODD_PATIENTS[2]), "complete pair"),
    accepted("patient-shell", patient(_ODD_PATIENTS[3]), "complete pair"),
    accepted("patient-unicode", patient(_ODD_PATIENTS[4]), "complete pair"),
    refused("patient-terminal-codes", patient("P\x1b[2J1"), "control character"),
    refused("timepoint-control", rows(lambda g: g[0].update(timepoint="pre\x07")), "control character"),
    refused("heading-control", text(lambda b: b.replace(b"patient", b"pat\x08ient")), "control character"),
    refused("direction-override", rows(lambda g: g[0].update(patient="P\u202e1")), "control character"),
    refused("nul", rows(lambda g: g[0].update(patient="P\x001")), "NUL"),
    refused("empty", text(lambda _: b""), "the sheet is empty"),
    refused("only-line-ends", text(lambda _: b"\n\n\n"), "the sheet is empty"),
    refused("only-headings", text(lambda b: b.split(b"\n")[0]), "names no sample"),
    refused("bom-alone", text(lambda _: b"\xef\xbb\xbf"), "the sheet is empty"),
    *(refused(f"cut-{n}", text(lambda b, n=n: b[:n]), "samples.tsv") for n in (3, 10, 20, 30, 33)),
    refused("cut-in-a-row", text(lambda b: b[:45]), "samples.tsv, row"),
    refused("gzip", text(gzip.compress), "gzip"),
    refused("workbook", text(lambda _: b"PK\x03\x04" + bytes(200)), "workbook"),
    refused("old-workbook", text(lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200)), "workbook"),
    refused("utf-16", text(lambda b: b.decode().encode("utf-16")), "not UTF-8"),
    refused("utf-16-without-a-mark", text(lambda b: b.decode().encode("utf-16-be")), "not UTF-8"),
    refused("latin-1", text(lambda b: b.replace(b"P1\t", b"P\xe9\t")), "not UTF-8"),
    accepted("bom", text(lambda b: b"\xef\xbb\xbf" + b), "4 samples"),
    accepted("crlf", text(lambda b: b.replace(b"\n", b"\r\n")), "4 samples"),
    accepted("cr", text(lambda b: b.replace(b"\n", b"\r")), "4 samples"),
    accepted("mixed-line-ends", text(lambda b: b.replace(b"\n", b"\r\n", 2)), "4 samples"),
    accepted("commas", text(lambda b: b.replace(b"\t", b",")), "4 samples"),
    accepted("quoted", text(lambda b: b.replace(b"P1\t", b'"P1"\t')), "4 samples"),
    accepted("blank-rows", text(lambda b: b + b"\t\t\n\n"), "4 samples"),
    accepted("spaces-around", text(lambda b: b.replace(b"\t", b" \t ")), "4 samples"),
    refused("open-quote", text(lambda b: b.replace(b"P1\t", b'"P1\t', 1)), "samples.tsv"),
    refused("heading-twice", text(lambda b: b.replace(b"timepoint", b"patient")), "stand twice"),
    refused("heading-empty-twice", text(lambda b: b.replace(b"patient\ttimepoint", b"\t")), "stand twice"),
    refused("heading-missing", text(lambda b: b.replace(b"patient", b"subject")), "column `patient` is missing"),
    refused("heading-named-row", text(lambda b: b.replace(b"timepoint", b"_row", 1)), "samples.tsv, row 1"),
    refused("row-too-long", text(lambda b: b + b"P3_pre\tP3\tpre\tmore\tand more\n"), "5 cells under 3 headings"),
    refused("row-too-short", text(lambda b: b + b"P3_pre\n"), "`patient` is empty"),
    refused("a-cell-of-a-megabyte", text(lambda b: b + b"P3_pre\t" + b"x" * 2**20 + b"\tpre\n"), "samples.tsv"),
    refused("100000-columns", text(columns(100_000)), "columns", "at most"),
    refused("900-columns", text(lambda b: columns(900)(b).replace(b"patient", b"who")), "column `patient` is missing"),
    slowly(accepted("800-columns", text(columns(800)), "4 samples")),
    slowly(refused("100000-rows-of-one-sample", text(lambda b: b + b"P1_pre\tP1\tpre\n" * 100_000), "P1_pre")),
    slowly(refused("20000-bad-ids", text(lambda b: b + b"".join(b"a/%d\tP1\tpre\n" % n for n in range(20_000))), "more")),
    refused("sample-twice", rows(lambda g: g[1].update(sample="P1_pre")), "stands 2 times"),
    refused("sample-empty", rows(lambda g: g[1].update(sample="")), "`sample` is empty"),
    refused("modality-of-another-run", rows(lambda g: [r.update(modality="single_cell") for r in g]), "one modality a run"),
    refused("therapy-unknown", rows(lambda g: g[0].update(therapy="car-t")), "did you mean `car_t`?"),
    refused("antigen-unknown", rows(lambda g: [r.update(target_antigen="../CD19") for r in g]), "antigen"),
    refused("column-mapped-to-nothing", text(lambda b: b, columns={"patient": "subjekt"}), "no column of the sheet"),
    refused("columns-mapped-to-one", text(lambda b: b, columns={"batch": "patient"}), "column `patient` is missing"),
    refused("path-absolute-away", path("/nonexistent/x.h5ad"), "no such file"),
    refused("path-up-and-away", path("../../../../../../etc/nothing"), "no such file"),
    refused("path-is-a-text-elsewhere", path("/etc/passwd"), "no single-cell format"),
    refused("path-of-5000", path("x" * 5000), "no such file"),
    refused("path-with-nul", path("a\x00b"), "NUL"),
    refused("path-is-a-device", path("/dev/zero"), "no regular file"),
    refused("path-is-a-terminal", path("/dev/tty"), "no regular file"),
    refused("path-shell", path("$(reboot).h5ad"), "no such file"),
    refused("one-path-twice", rows(lambda g: g[1].update(path=g[0]["path"]), "single_cell"), "one single-cell file a sample"),
    refused("no-pair", rows(lambda g: [r.update(patient=s) for r, s in zip(g, SAMPLES, strict=True)]), "there is no pair"),
]  # fmt: skip
