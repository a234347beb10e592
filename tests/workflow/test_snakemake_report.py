"""`snakemake --report` of a finished run: one file with our captions and categories that fetches nothing."""

import re
from pathlib import Path

import pytest
from workflow_calls import call


@pytest.mark.slow
def test_the_report_holds_our_results_with_captions_and_fetches_nothing(finished_bulk: Path, tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    call(finished_bulk, "run", "config.yaml", "--report", str(place))
    text = place.read_text(encoding="utf-8")
    for category in ("Pages", "Patients", "Figures", "Tables", "Methods"):
        assert f'"{category}"' in text, category
    assert "never means no change" in text, "the caption of the verdicts"
    assert "signatures.html" in text
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', text)
