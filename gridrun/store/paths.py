"""Every path below a study directory, in one place."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

STUDY_FILE = "study.yaml"
"""Name of the file that makes a directory a study."""

_STATE = ".gridrun"
_MOUNTS = Path("/proc/self/mountinfo")


def make_directory(directory: Path) -> None:
    """Make a directory and those above it that are missing.

    What gridrun needs to go on has data of the inputs in it, and files that are unpickled: it is
    made for the user alone (mode 0700). All else follows the user's umask.
    """
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700 if _STATE in each.parts else 0o777, exist_ok=True)


def file_mode(file: Path) -> int:
    """Mode of a file before the user's umask: as for directories, see :func:`make_directory`."""
    return 0o600 if _STATE in file.parts else 0o666


def make_file(file: Path) -> Path:
    """Make a file that is missing, with the directories above it; gives its path.

    One that is there is not opened: closing it again would give away the locks that this process
    has of it, through SQLite.
    """
    make_directory(file.parent)
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, how, file_mode(file)))
    return file


def file_system(directory: Path) -> str:
    """Name of the file system of a directory, such as ``ext4``; empty where nobody says it."""
    place, found, longest = directory.resolve(), "", 0
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
            mount, _, system = line.partition(" - ")
            at = Path(mount.split(" ")[4].replace("\\040", " "))
            # of two at one place the later one hides the other
            if place.is_relative_to(at) and len(at.parts) >= longest:
                found, longest = system.split(" ")[0], len(at.parts)
    return found


@dataclass(frozen=True)
class StudyPaths:
    """Where a study keeps what; nothing is made by asking.

    Args:
        directory: The study directory.
    """

    directory: Path

    @property
    def state(self) -> Path:
        """What gridrun needs to go on: ledger, cache, logs."""
        return self.directory / _STATE

    @property
    def ledger(self) -> Path:
        """The ledger, an SQLite file."""
        return self.state / "ledger.sqlite"

    @property
    def input_digests(self) -> Path:
        """Digests of the inputs as they were when they were taken."""
        return self.state / "inputs.json"

    @property
    def cache(self) -> Path:
        """Stored stage results, by digest."""
        return self.state / "cache"

    @property
    def logs(self) -> Path:
        """One log for each attempt that failed or said anything."""
        return self.state / "logs"

    @property
    def sweeps(self) -> Path:
        """What was, or is about to be, sent away, by sweep."""
        return self.state / "sweeps"

    @property
    def results_stamp(self) -> Path:
        """What the tables were made from, and their sums; they are written anew if it changes."""
        return self.state / "results.json"

    @property
    def results_lock(self) -> Path:
        """Locked by whoever writes the tables: a run that ends, or ``gridrun results``."""
        return self.state / "results.lock"

    @property
    def results(self) -> Path:
        """Directory of the tables for people."""
        return self.directory / "results"

    @property
    def results_csv(self) -> Path:
        """One row per combination, classifier, fold and test table."""
        return self.results / "final_cv_results.csv"

    @property
    def results_parquet(self) -> Path:
        """The same table with types."""
        return self.results / "final_cv_results.parquet"

    @property
    def per_consequence_csv(self) -> Path:
        """The metrics by molecular consequence."""
        return self.results / "per_consequence.csv"

    @property
    def pooled_csv(self) -> Path:
        """One row per combination, classifier and fold, pooled over test tables."""
        return self.results / "pooled.csv"

    @property
    def pooled_parquet(self) -> Path:
        """The same table with types."""
        return self.results / "pooled.parquet"

    @property
    def predictions(self) -> Path:
        """Directory of the predictions of every test row, a file for each classifier."""
        return self.results / "predictions"

    @property
    def null_models_csv(self) -> Path:
        """One row per block, fold and null model."""
        return self.results / "null_models.csv"

    @property
    def null_models_parquet(self) -> Path:
        """The same table with types."""
        return self.results / "null_models.parquet"

    def block_table(self, name: str, ending: str) -> Path:
        """A table that a pipeline makes of blocks, by its name and ``csv`` or ``parquet``."""
        return self.results / f"{name}.{ending}"

    @property
    def summary_csv(self) -> Path:
        """Means by method and classifier, as printed at the end of a run."""
        return self.results / "summary.csv"

    @property
    def comparison_csv(self) -> Path:
        """Each method against the reference, with intervals; written with the report."""
        return self.results / "comparison.csv"

    @property
    def method_groups_csv(self) -> Path:
        """Which methods do not differ significantly; written with the report."""
        return self.results / "method_groups.csv"

    @property
    def calibration_csv(self) -> Path:
        """Whether the probabilities of each method are what they say."""
        return self.results / "calibration.csv"

    @property
    def reliability_csv(self) -> Path:
        """Observed shares beside mean probabilities, by bins."""
        return self.results / "reliability.csv"

    @property
    def group_bootstrap_csv(self) -> Path:
        """Differences to the reference in draws of groups of rows."""
        return self.results / "group_bootstrap.csv"

    @property
    def main_effects_csv(self) -> Path:
        """How much each value of each parameter matters; written with the report."""
        return self.results / "main_effects.csv"

    @property
    def interactions_csv(self) -> Path:
        """The same for pairs of values beyond the sum of both; written with the report."""
        return self.results / "interactions.csv"

    @property
    def report_html(self) -> Path:
        """The report, a page for others to read."""
        return self.results / "report.html"

    @property
    def report_text(self) -> Path:
        """What the study's people write for the report themselves, if they do."""
        return self.directory / "report.md"

    @property
    def runs_csv(self) -> Path:
        """Which outcome came from which run elsewhere."""
        return self.results / "runs.csv"

    def description_csv(self, table: str) -> Path:
        """A table that describes the data before missing values are replaced."""
        return self.results / "describe" / f"{table}.csv"

    def model(self, combination: int, classifier: str) -> Path:
        """The model of a combination (counted from 1), where no other place is named."""
        return self.directory / "models" / f"combination-{combination}-{classifier}.gridrun-model"

    def explained(self, combination: int, fold: int, classifier: str) -> Path:
        """The script of a fold, where no other place is named."""
        name = f"combination-{combination}-fold-{fold}-{classifier}.R"
        return self.directory / "explained" / name

    @property
    def notes_txt(self) -> Path:
        """Notes on the inputs."""
        return self.results / "notes.txt"
