"""study.yaml and grid files, read and checked; the state of a study; for all above.

For api, run, report, tools and cli, and for backends, whose study keys are read with
``KeyReader`` and ``Section`` (see ``gridrun.study.backend_keys``).
"""

from gridrun.study._keys import KEYS, MOST_FOLDS
from gridrun.study._reader import KeyReader
from gridrun.study._section import Section
from gridrun.study._study import Study, load_study, study_file

__all__ = ["KEYS", "MOST_FOLDS", "KeyReader", "Section", "Study", "load_study", "study_file"]
