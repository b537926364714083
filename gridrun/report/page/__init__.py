"""The report page: sections in order, each from what is known to what is shown; for the API."""

from gridrun.report.page._known import Known
from gridrun.report.page._render import fingerprint, write_page

__all__ = ["Known", "fingerprint", "write_page"]
