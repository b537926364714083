"""A study: what ``study.yaml`` and its grid file say, checked, with every fault named."""

from gridrun.study._keys import MOST_FOLDS
from gridrun.study._study import Study, load_study, study_file
from gridrun.study.azure import AzureData, AzureSettings

__all__ = ["MOST_FOLDS", "AzureData", "AzureSettings", "Study", "load_study", "study_file"]
