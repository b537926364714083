"""gridrun: the amiss grid on a laptop, a Ray cluster or Azure ML."""

__version__ = "0.1.0"
