"""The report page: sections in order, each from what is known to what is shown; for the API."""

from gridrun.report.page._known import Known
from gridrun.report.page._render import fingerprint, write_page
from gridrun.report.page._views import FALLBACK, SAID, SCORED, WORST, Viewed

__all__ = [
    "FALLBACK",
    "SAID",
    "SCORED",
    "WORST",
    "Known",
    "Viewed",
    "fingerprint",
    "write_page",
]
