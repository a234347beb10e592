import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake.gene_positions import read_gene_positions
from ohmics.intake.obs_column import read_obs_column

GTF = (
    '#!genome\nchr1\tHAVANA\tgene\t100\t900\t.\t+\t.\tgene_id "E1"; gene_name "A";\n'
    'chr1\tHAVANA\texon\t100\t200\t.\t+\t.\tgene_id "E1"; gene_name "A";\n'
    'chrX\tHAVANA\tgene\t5\t60\t.\t-\t.\tgene_id "E2"; gene_name "B";\n'
    'chr2\tHAVANA\tgene\t7\t80\t.\t-\t.\tgene_id "E3"; gene_name "A";\n'
)


@pytest.mark.parametrize("packed", [False, True])
def test_genes_are_read_once_with_their_place(tmp_path, packed):
    path = tmp_path / ("g.gtf.gz" if packed else "g.gtf")
    path.write_bytes(gzip.compress(GTF.encode()) if packed else GTF.encode())
    frame = read_gene_positions(path)
    assert frame.index.tolist() == ["A", "B"]
    assert frame.loc["A"].to_dict() == {"chromosome": "chr1", "start": 100, "end": 900}


def test_a_file_that_is_no_gtf_is_refused(tmp_path):
    path = tmp_path / "g.gtf"
    path.write_text("a\tb\n")
    with pytest.raises(OhmicsError, match="no line of type gene"):
        read_gene_positions(path)
    with pytest.raises(OhmicsError, match="no such file"):
        read_gene_positions(tmp_path / "absent.gtf")


def test_one_column_of_obs_is_read_without_the_counts(tmp_path):
    obs = pd.DataFrame({"who": pd.Categorical(["malignant", None, "normal"])}, index=["a", "b", "c"])
    path = tmp_path / "s.h5ad"
    ad.AnnData(np.ones((3, 2), dtype=np.float32), obs=obs).write_h5ad(path)
    values = read_obs_column(path, "who")
    assert values.index.tolist() == ["a", "b", "c"]
    assert values.isna().tolist() == [False, True, False]
    with pytest.raises(OhmicsError, match="obs has no column `whom`"):
        read_obs_column(path, "whom")
    with pytest.raises(OhmicsError, match="h5ad files"):
        read_obs_column(tmp_path / "s.h5", "who")
    (tmp_path / "broken.h5ad").write_text("no")
    with pytest.raises(OhmicsError, match="no readable h5ad"):
        read_obs_column(tmp_path / "broken.h5ad", "who")
