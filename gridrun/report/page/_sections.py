"""The sections of the page, in order: a further one is a module, a template and a line here."""

from __future__ import annotations

from gridrun.report.page._comparison import show_comparison
from gridrun.report.page._failures import show_failures
from gridrun.report.page._section import Section
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
    Section("comparison", "Comparison", show_comparison),
    Section("grid", "The whole grid", show_whole_grid),
    Section("failures", "Failures", show_failures),
    Section("notes", "Notes of the last run", show_notes),
    Section("versions", "Computed with", show_versions),
)
