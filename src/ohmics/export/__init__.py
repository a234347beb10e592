"""The tables of a finished run come in; what other programs read goes out: one module a format, nothing computed."""

from datetime import UTC, datetime

FIXED_DATE = datetime(1980, 1, 1, tzinfo=UTC)
"""Stands wherever a format demands a date: the earliest a ZIP file can hold. It does not tell when a run was made."""
