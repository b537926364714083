"""Training times as ratios within one run.

Logistic regression against ``caret::train(method = "glm")`` with its 25
bootstraps on the same rows (target: 25 times faster, equal probabilities), and
random forest against the six bare ``randomForest`` fits it cannot do without
(target: at most 1.1 times their time). CPU seconds of one thread, medians.
Without the R package caret, which gridrun itself does not need, there is no regression
to compare with.

    python benchmarks/bench_models.py [--small]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from _command import ROOT, command, exit_code

HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "amiss")]

from golden_tables import golden_block  # noqa: E402 - found through the path above

from amiss_tasks.methods import METHODS  # noqa: E402
from amiss_tasks.protocols import MODEL_SEED  # noqa: E402
from amiss_tasks.r import session as r_session  # noqa: E402
from amiss_tasks.stages.fold import fold_rows  # noqa: E402
from amiss_tasks.tasks.r_stages import RStages  # noqa: E402

REPEATS = 5
# name, transcript, downsampling: 166 and 597 rows of 59 features
CASES = (
    ("canonical, one star, downsampled", "canonical", True),
    ("all transcripts, one star", "keep_all", False),
)
LR_TARGET, RF_TARGET = 25.0, 1.1
MOST_DIFFERENCE = 1e-9


class Case:
    """One completed training table in R, and the timed functions."""

    def __init__(
        self, stages: RStages, transcript: str, *, downsampling: bool, row_share: float = 1.0
    ) -> None:
        block = golden_block(transcript, "onestar", "all", "exclude", "dummy").train
        table = block.take(fold_rows(block.rows, 1).train)
        train, outcome = stages.table(table), stages.outcome(table)
        sampled = stages.draw_sample(
            train,
            outcome,
            predraw={},
            downsampling=downsampling,
            feature_share=1.0,
            row_share=row_share,
        )
        prepared = stages.prepare(train, sampled, variance=False, correlation=False)
        data = stages.cut(train, prepared.rows, prepared.features)
        self.shape = (len(prepared.rows), len(prepared.features))
        self.imputed = stages.impute_train(METHODS["zero_imp"], data, [{}])
        self.completed = self.imputed.tables.at(0)
        self.outcome = stages.cut_outcome(outcome, prepared.rows)
        self.stages = stages
        self.session = r_session.start()
        self.timed = self.session.environment(self.session.shared)
        self.session.source_text((HERE / "bench_models.R").read_text(), self.timed)

    def own(self, classifier: str) -> float:
        """CPU seconds of gridrun's training."""
        return float(
            self.session.call(
                self.timed,
                "time_own",
                self._file(classifier),
                self.completed,
                self.outcome,
                MODEL_SEED,
            ).value.python()[0]
        )

    def caret(self) -> tuple[float, float] | None:
        """CPU seconds of caret's logistic regression, and the largest difference; None without."""
        found = self.session.call(
            self.timed,
            "time_caret_lr",
            self._file("lr"),
            self.completed,
            self.outcome,
            MODEL_SEED,
        ).value.python()
        if found is None:
            return None
        return float(found["seconds"][0]), float(found["difference"][0])

    def bare(self, mtry: int) -> float:
        """CPU seconds of the six forests."""
        return float(
            self.session.call(
                self.timed,
                "time_bare_forests",
                self.completed,
                self.outcome,
                MODEL_SEED,
                mtry,
            ).value.python()[0]
        )

    def _file(self, classifier: str) -> r_session.RObject:
        environment = self.session.environment(self.session.shared)
        source = HERE.parent / "amiss_tasks" / "classifiers" / f"{classifier}.R"
        self.session.source_text(source.read_text(), environment)
        return environment


def cases(stages: RStages, *, small: bool) -> Iterator[tuple[str, Case]]:
    """Name and table of each case; small: a sixth of the rows of the first."""
    for name, transcript, downsampling in CASES[:1] if small else CASES:
        share = 1 / 6 if small else 1.0
        yield name, Case(stages, transcript, downsampling=downsampling, row_share=share)


def main() -> int:
    """Print the ratios; 1 when a target is missed."""
    options = command(__doc__).parse_args()
    repeats, regressions = (1, 1) if options.small else (REPEATS, 3)
    stages = RStages()
    missed = False
    for name, case in cases(stages, small=options.small):
        rows, features = case.shape
        mtry = case.stages.train("rf", case.imputed, case.outcome).facts[0]["settings"]["mtry"]
        # interleaved, so that what else runs on the machine meets both alike
        forests = [(case.own("rf"), case.bare(mtry)) for _ in range(repeats)]
        rf, bare = (median(pair[i] for pair in forests) for i in (0, 1))
        pairs = [
            (case.caret(), np.mean([case.own("lr") for _ in range(5)])) for _ in range(regressions)
        ]
        lr = median(own for _, own in pairs)
        theirs = [caret for caret, _ in pairs if caret is not None]
        print(f"{rows} x {features} ({name})")
        print(f"  rf  own {rf:.3f} s, six bare forests {bare:.3f} s: {rf / bare:.2f} x (<= 1.1)")
        missed |= rf / bare > RF_TARGET
        if not theirs:
            print(f"  lr  own {lr:.4f} s; the R package caret is not installed")
            continue
        caret, difference = median(t[0] for t in theirs), max(t[1] for t in theirs)
        print(f"  lr  own {lr:.4f} s, caret {caret:.3f} s: {caret / lr:.0f} x faster (>= 25)")
        print(f"      largest difference in P(positive): {difference:.1e}")
        missed |= caret / lr < LR_TARGET or difference > MOST_DIFFERENCE
    return exit_code(options, missed=missed)


if __name__ == "__main__":
    raise SystemExit(main())
