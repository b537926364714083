"""What sums need of results, read once: what an earlier call has read is kept; for report."""

from gridrun.report.sums._summable import summable

__all__ = ["summable"]
