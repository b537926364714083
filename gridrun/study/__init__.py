"""A study: what ``study.yaml`` and its grid file say, checked, with every fault named."""

from gridrun.study._study import Study, load_study, study_file

__all__ = ["Study", "load_study", "study_file"]
