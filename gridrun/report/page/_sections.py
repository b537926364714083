"""The sections of the page, in order: a further one is a module, a template and a line here."""

from __future__ import annotations

from gridrun.report.page._calibration import show_calibration
from gridrun.report.page._checklist import show_checklist
from gridrun.report.page._comparison import show_comparison
from gridrun.report.page._consequences import show_consequences
from gridrun.report.page._differences import show_differences
from gridrun.report.page._effects import show_effects
from gridrun.report.page._failures import show_failures
from gridrun.report.page._groups import show_groups
from gridrun.report.page._null_models import show_null_models
from gridrun.report.page._of_pipeline import show_of_pipeline
from gridrun.report.page._own_text import show_own_text
from gridrun.report.page._section import Section
from gridrun.report.page._tradeoffs import show_tradeoffs
from gridrun.report.page._what import (
    show_first,
    show_methods,
    show_notes,
    show_versions,
    show_what,
)
from gridrun.report.page._whole_grid import show_whole_grid

SECTIONS = (
    Section("first", "Read this before any number", show_first),
    Section("what", "What ran", show_what),
    Section("methods", "Methods, to paste", show_methods),
    Section("null-models", "Null models", show_null_models),
    Section("data", "The data", show_of_pipeline),
    Section("comparison", "Comparison", show_comparison),
    Section("differences", "Differences to the reference", show_differences),
    Section("groups", "Groups of methods", show_groups),
    Section("calibration", "Calibration", show_calibration),
    Section("consequences", "By consequence", show_consequences),
    Section("effects", "Which parameter matters", show_effects),
    Section("tradeoffs", "Quality and cost", show_tradeoffs),
    Section("grid", "The whole grid", show_whole_grid),
    Section("failures", "Failures", show_failures),
    Section("checklist", "Check-list", show_checklist),
    Section("own-text", "Notes of the study's authors", show_own_text),
    Section("notes", "Notes of the last run", show_notes),
    Section("versions", "Computed with", show_versions),
)
