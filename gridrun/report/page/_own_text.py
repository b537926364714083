"""The text that the study's people wrote for the report, which its key ``report`` names."""

from __future__ import annotations

from gridrun.errors import UserError
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown
from gridrun.store.faults import disk_fault


def show_own_text(known: Known) -> Shown | None:
    """Headings, lists and paragraphs as they are; other markup stays text.

    Raises:
        UserError: The file cannot be read as text.
    """
    study = known.study_state.study
    file = study.report_text
    if study.report.text is None and not file.exists():
        return None
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = disk_fault(error, file) if isinstance(error, OSError) else None
        raise fault or UserError(
            f"the text of the report cannot be read: {error}",
            where=str(file),
            todo="save it as UTF-8, or do without it: the report then has no such section",
        ) from error
    blocks: list[tuple[str, list[str]]] = []
    for part in text.split("\n\n"):
        lines = [line for line in part.splitlines() if line.strip()]
        while lines and lines[0].startswith("#"):
            blocks.append(("heading", [lines.pop(0).lstrip("# ")]))
        if lines and all(line.lstrip().startswith(("- ", "* ")) for line in lines):
            blocks.append(("list", [line.lstrip()[2:] for line in lines]))
        elif lines:
            blocks.append(("paragraph", [" ".join(line.strip() for line in lines)]))
    return Shown({"blocks": blocks}) if blocks else None
