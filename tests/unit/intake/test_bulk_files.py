"""Files of one bulk sample each: the same counts as the same numbers in one plain matrix."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake import gene_table, read
from ohmics.intake.bulk_samples import read_bulk

SAMPLES = ["P1_pre", "P1_relapse"]


@pytest.fixture
def counts() -> pd.DataFrame:
    """Whole counts, Ensembl ids × samples."""
    rows = gene_table().frame.query("ensembl_ids != ''").head(60)
    ids = [text.split("|")[0] for text in rows["ensembl_ids"]]
    return pd.DataFrame(np.random.default_rng(3).integers(0, 900, size=(60, 2)), index=ids, columns=SAMPLES)


@pytest.fixture
def expected(counts: pd.DataFrame, tmp_path: Path):
    counts.to_csv(tmp_path / "plain.csv")
    return read(tmp_path / "plain.csv", modality="bulk")


def sheet(paths: list[Path], **more: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"sample": SAMPLES, "path": [str(path) for path in paths], **more})


def star(path: Path, forward: pd.Series, reverse: pd.Series) -> Path:
    lines = [
        f"N_{name}\t{n}\t{n}\t{n}"
        for name, n in (("unmapped", 9), ("multimapping", 8), ("noFeature", 7), ("ambiguous", 6))
    ]
    lines += [f"{gene}\t{forward[gene] + reverse[gene]}\t{forward[gene]}\t{reverse[gene]}" for gene in forward.index]
    path.write_text("\n".join(lines) + "\n")
    return path


def rsem(path: Path, values: pd.Series, *, ids: list[str] | None = None) -> Path:
    head = "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM"
    names = list(values.index) if ids is None else ids
    lines = [
        f"{name}\tENST1,ENST2\t1000.00\t850.20\t{value:.2f}\t1.00\t1.00"
        for name, value in zip(names, values, strict=True)
    ]
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def salmon(path: Path, frame: pd.DataFrame) -> Path:
    lines = ["Name\tLength\tEffectiveLength\tTPM\tNumReads"]
    lines += [
        f"{row.Index}\t{row.length + 150}\t{row.length:.3f}\t{row.tpm:.6f}\t{row.reads:.3f}"
        for row in frame.itertuples()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def intake(adata) -> dict:
    return adata.uns["ohmics"]["intake"]


def test_star_of_a_reversely_stranded_library(tmp_path: Path, counts, expected) -> None:
    few = counts // 20
    files = [star(tmp_path / f"{name}ReadsPerGene.out.tab", few[name], counts[name]) for name in SAMPLES]
    adata = read_bulk(sheet(files))
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())
    assert list(adata.var_names) == list(expected.var_names)
    assert list(adata.obs_names) == SAMPLES
    assert intake(adata)["format"] == "STAR ReadsPerGene"
    assert any("counts of the reverse column" in note and "forward reads" in note for note in intake(adata)["notes"])


def test_star_column_may_be_told(tmp_path: Path, counts, expected) -> None:
    few = counts // 20
    files = [star(tmp_path / f"{name}.tab", few[name], counts[name]) for name in SAMPLES]
    told = read_bulk(sheet(files), strandedness="forward")
    np.testing.assert_array_equal(told.X.toarray(), few.T.to_numpy())
    each = read_bulk(sheet(files, strandedness=["reverse", None]), strandedness="unstranded")
    np.testing.assert_array_equal(each.X.toarray()[0], counts["P1_pre"])
    np.testing.assert_array_equal(each.X.toarray()[1], (counts + few)["P1_relapse"])


def test_star_of_unclear_strandedness_is_refused(tmp_path: Path, counts) -> None:
    files = [star(tmp_path / f"{name}.tab", counts[name] // 3, counts[name]) for name in SAMPLES]
    with pytest.raises(
        OhmicsError, match=r"2 faults(.|\n)*strandedness is unclear: 2\d% of the stranded reads"
    ) as error:
        read_bulk(sheet(files))
    assert "input.strandedness" in str(error.value)


def test_one_star_file_alone(tmp_path: Path, counts) -> None:
    path = star(tmp_path / "S7ReadsPerGene.out.tab", counts["P1_pre"], counts["P1_pre"] // 50)
    adata = read(path, modality="bulk")
    assert list(adata.obs_names) == ["S7"]
    np.testing.assert_array_equal(adata.X.toarray()[0], counts["P1_pre"])


def test_rsem_keeps_fractions(tmp_path: Path, counts) -> None:
    values = counts + 0.37
    files = [rsem(tmp_path / f"{name}.genes.results", values[name]) for name in SAMPLES]
    adata = read_bulk(sheet(files))
    np.testing.assert_allclose(adata.X.toarray(), values.T.to_numpy())
    assert adata.X.dtype == np.float64
    assert intake(adata)["scale"]["share_non_integer"] == 1
    assert any("fractions; they are kept" in note for note in intake(adata)["notes"])


def test_rsem_ids_that_carry_a_name(tmp_path: Path, counts, expected) -> None:
    ids = [f"{gene}_{name}" for gene, name in zip(counts.index, expected.var_names, strict=True)]
    files = [rsem(tmp_path / f"{name}.genes.results", counts[name], ids=ids) for name in SAMPLES]
    adata = read_bulk(sheet(files))
    assert list(adata.var_names) == list(expected.var_names)
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())


def test_rsem_isoforms_are_summed_by_gene(tmp_path: Path, counts, expected) -> None:
    head = "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct"
    files = []
    for name in SAMPLES:
        lines = [head]
        for number, (gene, value) in enumerate(counts[name].items()):
            lines += [
                f"ENST{number:010d}1\t{gene}\t900\t750.0\t{value // 2}\t1\t1\t50.0",
                f"ENST{number:010d}2\t{gene}\t900\t750.0\t{value - value // 2}\t1\t1\t50.0",
            ]
        files.append(tmp_path / f"{name}.isoforms.results")
        files[-1].write_text("\n".join(lines) + "\n")
    adata = read_bulk(sheet(files))
    wanted = expected[:, adata.var_names]
    np.testing.assert_array_equal(adata.X.toarray(), wanted.X.toarray())


def test_rsem_isoforms_without_genes_are_refused(tmp_path: Path) -> None:
    head = "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct"
    path = tmp_path / "s.isoforms.results"
    path.write_text(f"{head}\nENST00000000001\tENST00000000001\t9\t9\t5\t1\t1\t1\n")
    with pytest.raises(OhmicsError, match=r"rows of RSEM isoforms.results are transcripts.*genes.results"):
        read(path, modality="bulk")


def quantified(seed: int) -> pd.DataFrame:
    rows = gene_table().frame.query("ensembl_ids != ''").head(3)
    genes = [text.split("|")[0] for text in rows["ensembl_ids"]]
    names = [f"ENST0000000000{number}.1" for number in range(5)]
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"length": random.uniform(300, 2000, 5), "reads": random.uniform(10, 4000, 5)}, index=names)
    frame["tpm"] = frame["reads"] / frame["length"]
    frame["tpm"] *= 1e6 / frame["tpm"].sum()
    frame["gene"] = [genes[0], genes[0], genes[1], genes[1], genes[2]]
    return frame


def by_hand(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    """Return lengthScaledTPM written out gene by gene: TPM times the mean length, scaled to the reads."""
    both = {"P1_pre": one, "P1_relapse": two}
    lengths = {
        name: frame.groupby("gene").apply(
            lambda part: (part["tpm"] * part["length"]).sum() / part["tpm"].sum(), include_groups=False
        )
        for name, frame in both.items()
    }
    mean = (lengths["P1_pre"] + lengths["P1_relapse"]) / 2
    scaled = {}
    for name, frame in both.items():
        values = frame.groupby("gene")["tpm"].sum() * mean
        scaled[name] = values * frame["reads"].sum() / values.sum()
    return pd.DataFrame(scaled).T


@pytest.mark.parametrize("kind", ["tsv", "csv", "gtf", "names"])
def test_salmon_is_scaled_by_length(tmp_path: Path, kind: str) -> None:
    one, two = quantified(1), quantified(2)
    table = tmp_path / f"tx2gene.{kind}"
    if kind == "tsv":
        table.write_text("".join(f"{tx}\t{gene}\n" for tx, gene in one["gene"].items()))
    elif kind == "csv":
        table.write_text("gene_id,transcript_id,x\n" + "".join(f"{gene},{tx},1\n" for tx, gene in one["gene"].items()))
    elif kind == "gtf":
        line = '1\tHAVANA\t{what}\t1\t9\t.\t+\t.\tgene_id "{gene}"; transcript_id "{tx}"; gene_name "A";\n'
        text = "".join(
            line.format(what=what, gene=gene, tx=tx)
            for tx, gene in one["gene"].items()
            for what in ("transcript", "exon")
        )
        table.write_bytes(gzip.compress(f"##gff\n{text}".encode()))
    else:
        for frame in (one, two):
            frame.index = pd.Index([f"{tx}|{gene}|-|-|A|9|" for tx, gene in frame["gene"].items()])
    files = [salmon(tmp_path / name / "quant.sf", frame) for name, frame in zip(SAMPLES, (one, two), strict=True)]
    adata = read_bulk(sheet([file.parent for file in files]), transcripts=None if kind == "names" else table)
    wanted = by_hand(one, two)
    assert sorted(adata.var["original_id"]) == list(wanted.columns)
    got = pd.DataFrame(adata.X.toarray(), index=adata.obs_names, columns=adata.var["original_id"].to_numpy())
    np.testing.assert_allclose(got[wanted.columns], wanted.loc[got.index], rtol=1e-6)
    assert any("lengthScaledTPM" in note for note in intake(adata)["notes"])


def test_salmon_without_a_table_is_refused(tmp_path: Path) -> None:
    path = salmon(tmp_path / "S1" / "quant.sf", quantified(1))
    with pytest.raises(OhmicsError, match=r"rows of salmon quant.sf are transcripts.*input.transcripts"):
        read(path, modality="bulk")


def test_a_table_of_another_annotation_is_refused(tmp_path: Path) -> None:
    path = salmon(tmp_path / "S1" / "quant.sf", quantified(1))
    (tmp_path / "t.tsv").write_text("transcript_id\tgene_id\nENST00000999999\tENSG00000000003\n")
    with pytest.raises(OhmicsError, match=r"5 of 5 transcripts are not in input.transcripts"):
        read(path, modality="bulk", transcripts=tmp_path / "t.tsv")


def test_versions_of_transcripts_may_differ_and_some_may_lack_a_gene(tmp_path: Path) -> None:
    one = quantified(1)
    path = salmon(tmp_path / "S1" / "quant.sf", one)
    table = "".join(f"{tx.split('.')[0]}.7\t{gene}\n" for tx, gene in one["gene"].iloc[:4].items())
    (tmp_path / "t.tsv").write_text(table)
    adata = read(path, modality="bulk", transcripts=tmp_path / "t.tsv")
    assert adata.n_vars == 2
    notes = " ".join(intake(adata)["notes"])
    assert "matched without their versions" in notes
    assert "1 transcripts have no gene" in notes


def test_salmon_genes_need_no_table(tmp_path: Path) -> None:
    frames = []
    for seed in (1, 2):
        frame = quantified(seed).groupby("gene")[["length", "reads", "tpm"]].sum()
        frames.append(frame.assign(gene=frame.index).rename_axis(None))
    files = [salmon(tmp_path / name / "quant.genes.sf", frame) for name, frame in zip(SAMPLES, frames, strict=True)]
    adata = read_bulk(sheet(files))
    assert intake(adata)["format"] == "salmon quant.genes.sf"
    got = pd.DataFrame(adata.X.toarray(), index=adata.obs_names, columns=adata.var["original_id"].to_numpy())
    wanted = by_hand(*frames)
    np.testing.assert_allclose(got[wanted.columns], wanted.loc[got.index], rtol=1e-6)


def test_kallisto_reads_as_salmon(tmp_path: Path) -> None:
    one = quantified(1)
    path = tmp_path / "abundance.tsv"
    lines = [
        f"{row.Index}\t{row.length + 150}\t{row.length:.3f}\t{row.reads:.3f}\t{row.tpm:.6f}" for row in one.itertuples()
    ]
    path.write_text("\n".join(["target_id\tlength\teff_length\test_counts\ttpm", *lines]) + "\n")
    (tmp_path / "t.tsv").write_text("".join(f"{tx}\t{gene}\n" for tx, gene in one["gene"].items()))
    same = read(salmon(tmp_path / "S1" / "quant.sf", one), modality="bulk", transcripts=tmp_path / "t.tsv")
    adata = read(path, modality="bulk", transcripts=tmp_path / "t.tsv")
    np.testing.assert_array_equal(adata.X.toarray(), same.X.toarray())


def feature_counts(path: Path, frame: pd.DataFrame, headings: list[str]) -> Path:
    lines = ['# Program:featureCounts v2.0.6; Command:"featureCounts" "-a" "genes.gtf" "-o" "counts.txt"']
    lines.append("\t".join(["Geneid", "Chr", "Start", "End", "Strand", "Length", *headings]))
    for gene, values in zip(frame.index, frame.to_numpy(), strict=True):
        lines.append("\t".join([gene, "chr1;chr1", "11;90", "20;99", "+;+", "20", *map(str, values)]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "headings",
    [
        ["/data/bam/P1_pre.bam", "/data/bam/P1_relapse.bam"],
        ["P1_pre.Aligned.sortedByCoord.out.bam", "P1_relapse.markdup.sorted.bam"],
        ["aln/P1_pre/Aligned.out.bam", "aln/P1_relapse/Aligned.out.bam"],
        ["P1_pre_S1_L001.sam", "P1_relapse_S2_L001.sam"],
    ],
)
def test_feature_counts_columns_are_samples(tmp_path: Path, counts, expected, headings: list[str]) -> None:
    adata = read(feature_counts(tmp_path / "counts.txt", counts, headings), modality="bulk", samples=SAMPLES)
    assert list(adata.obs_names) == SAMPLES
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())
    assert intake(adata)["format"] == "featureCounts"


def test_feature_counts_a_file_each(tmp_path: Path, counts, expected) -> None:
    files = [
        feature_counts(tmp_path / f"{name}.txt", counts[[name]], [f"x/{number}.bam"])
        for number, name in enumerate(SAMPLES)
    ]
    adata = read_bulk(sheet(files))
    assert list(adata.obs_names) == SAMPLES
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())


def test_htseq_files_may_leave_genes_out(tmp_path: Path, counts, expected) -> None:
    files = []
    for name, left_out in zip(SAMPLES, (0, 1), strict=True):
        own = counts[name].drop(counts.index[left_out])
        path = tmp_path / f"{name}.counts"
        path.write_text(
            "".join(f"{gene}\t{value}\n" for gene, value in own.items()) + "__no_feature\t55\n__ambiguous\t3\n"
        )
        files.append(path)
    adata = read_bulk(sheet(files))[:, expected.var_names]
    wanted = expected.X.toarray().copy()
    wanted[0, 0] = wanted[1, 1] = 0
    np.testing.assert_array_equal(adata.X.toarray(), wanted)
    assert any("2 genes are not in every sample's file" in note for note in intake(adata)["notes"])


def test_small_matrices_of_one_sample_each(tmp_path: Path, counts, expected) -> None:
    for name in SAMPLES:
        counts[[name]].iloc[:: -1 if name == SAMPLES[1] else 1].to_csv(
            tmp_path / f"{name}.tsv", sep="\t", index_label="gene_id"
        )
    adata = read_bulk(sheet([tmp_path / f"{name}.tsv" for name in SAMPLES]))
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())


def test_formats_are_not_mixed(tmp_path: Path, counts) -> None:
    files = [
        rsem(tmp_path / "a.genes.results", counts["P1_pre"]),
        star(tmp_path / "b.tab", counts["P1_pre"], counts["P1_pre"]),
    ]
    with pytest.raises(
        OhmicsError, match=r"several formats: RSEM genes.results \(1 samples\), STAR ReadsPerGene \(1 samples\)"
    ):
        read_bulk(sheet(files))


def test_other_annotations_are_not_mixed(tmp_path: Path, counts) -> None:
    files = [
        rsem(tmp_path / "a.genes.results", counts["P1_pre"]),
        rsem(tmp_path / "b.genes.results", counts["P1_pre"].iloc[3:]),
    ]
    with pytest.raises(OhmicsError, match="3 ids are not in both P1_pre and P1_relapse"):
        read_bulk(sheet(files))


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("form", ["star", "rsem", "salmon"])
def test_a_file_cut_short_is_refused_or_read(tmp_path: Path, counts, form: str, cut: float) -> None:
    """What is cut inside a row leaves a row without its last fields."""
    path = {
        "star": lambda: star(tmp_path / "a.tab", counts["P1_pre"], counts["P1_pre"] // 30),
        "rsem": lambda: rsem(tmp_path / "a.genes.results", counts["P1_pre"]),
        "salmon": lambda: salmon(
            tmp_path / "a" / "quant.genes.sf", quantified(1).drop_duplicates("gene").set_index("gene")
        ),
    }[form]()
    data = path.read_bytes()
    end = data.rfind(b"\n", 0, int(len(data) * cut)) + 9
    path.write_bytes(data[:end])
    with pytest.raises(OhmicsError, match=r"is no count|no row of counts|no format|neither rows"):
        read(path, modality="bulk")


def test_long_table_of_samples(tmp_path: Path, counts, expected) -> None:
    long = counts.rename_axis("gene_id").reset_index().melt("gene_id", var_name="sample", value_name="count")
    long["gene_name"] = long["gene_id"].map(dict(zip(counts.index, expected.var_names, strict=True)))
    long[long["count"] > 0].to_csv(tmp_path / "long.csv", index=False)
    adata = read(tmp_path / "long.csv", modality="bulk", samples=SAMPLES)[:, expected.var_names]
    np.testing.assert_array_equal(adata.X.toarray(), expected.X.toarray())
    assert intake(adata)["format"] == "long table of counts"


def test_long_table_that_repeats_a_gene_is_refused(tmp_path: Path, counts) -> None:
    path = tmp_path / "long.tsv"
    gene = counts.index[0]
    path.write_text(f"sample\tgene\tcount\nS1\t{gene}\t4\nS1\t{gene}\t5\n")
    with pytest.raises(OhmicsError, match=f"1 rows repeat a gene, the first {gene} of S1"):
        read(path, modality="bulk")


def test_nf_core_merged_counts(tmp_path: Path, counts, expected) -> None:
    frame = (counts * 1000 + 0.25).rename_axis("gene_id").reset_index()
    frame.insert(1, "gene_name", list(expected.var_names))
    frame.to_csv(tmp_path / "salmon.merged.gene_counts_length_scaled.tsv", sep="\t", index=False)
    adata = read(tmp_path / "salmon.merged.gene_counts_length_scaled.tsv", modality="bulk", samples=SAMPLES)
    assert list(adata.var_names) == list(expected.var_names)
    np.testing.assert_allclose(adata.X.toarray(), counts.T.to_numpy() * 1000 + 0.25)
