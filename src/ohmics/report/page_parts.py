"""What both pages share: heading, navigation, versions, config, table of what was skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from ohmics.report import select
from ohmics.report.inputs import ReportInputs
from ohmics.report.methods import GLOSSARY, Methods
from ohmics.report.settings_table import settings_table
from ohmics.report.tables import Head, TableView, table_view
from ohmics.shareable import shareable_config
from ohmics.tables import SKIPPED


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of a page's navigation."""

    id: str
    title: str


def common(inputs: ReportInputs, *, title: str, sections: Sequence[Section], methods: Methods) -> dict[str, Any]:
    """Return the values every page's template needs."""
    provenance = inputs.provenance
    versions = provenance.get("versions") or {}
    # Pages are passed on: where files lay on a machine stays with the results folder.
    shown = shareable_config(inputs.config)
    return {
        "title": title,
        "project": inputs.project,
        "bulk": inputs.bulk,
        "unit": inputs.unit,
        "sections": list(sections),
        "methods": methods,
        "glossary": GLOSSARY,
        "versions": _versions(versions),
        "digest": str(provenance.get("digest") or ""),
        "command": str(provenance.get("command") or ""),
        "ohmics_version": str(versions.get("ohmics") or ""),
        "settings": settings_table(shown, bulk=inputs.bulk),
        "config_text": yaml.safe_dump(_plain(shown), sort_keys=False, allow_unicode=True, width=100),
    }


def _versions(versions: dict[str, Any]) -> TableView:
    frame = pd.DataFrame({"name": list(versions), "version": [str(value) for value in versions.values()]})
    return table_view(
        frame,
        id="versions-table",
        caption="Versions",
        heads=[Head("name", "Package"), Head("version", "Version")],
        empty="No versions were recorded.",
    )


def _plain(value: Any) -> Any:
    """Return config values as YAML can write them safely: mappings, lists and scalars only."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def skipped_table(inputs: ReportInputs, stages: Sequence[str] | None = None) -> TableView:
    """Return what was not tested and why, of these stages or of all."""
    frame = inputs.skipped if stages is None else select.skipped_of(inputs, stages)
    return table_view(
        frame,
        id="skipped-table",
        caption="What was not tested, and why",
        heads=[
            Head("stage", "Stage", "phrase"),
            Head("contrast", "Contrast"),
            Head("cell_type", "Cell type"),
            Head("subject", "Sample or patient"),
            Head("item", "Item", "gene_list"),
            Head("reason", "Why", "long"),
        ],
        table=SKIPPED,
        source="tables/skipped.tsv",
        names=select.names(inputs),
        fold_from=25,
        empty="Nothing was skipped." if frame is not None else "",
    )
