"""Descriptive statistics of the data, before anything is imputed; for pipeline.

What upstream's script ``03_descriptive_stats`` draws, as numbers: missingness by class and
by consequence, distributions, correlations of values and of missingness, with tests of
the difference between the classes that upstream leaves to the eye.
"""

from amiss_tasks.describe._describer import AmissDescriber

__all__ = ["AmissDescriber"]
