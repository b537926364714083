"""Training times as ratios within one run.

Logistic regression against ``caret::train(method = "glm")`` with its 25
bootstraps on the same rows (target: 25 times faster, equal probabilities), and
random forest against the six bare ``randomForest`` fits it cannot do without
(target: at most 1.1 times their time). CPU seconds of one thread, medians.
Needs the R package caret, which gridrun itself does not.

    python benchmarks/bench_models.py
"""

import sys
from pathlib import Path
from statistics import median

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "amiss"))

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


class Case:
    """One completed training table in R, and the timed functions."""

    def __init__(self, stages: RStages, transcript: str, *, downsampling: bool) -> None:
        block = golden_block(transcript, "onestar", "all", "exclude", "dummy").train
        table = block.take(fold_rows(block.rows, 1).train)
        train, outcome = stages.table(table), stages.outcome(table)
        sampled = stages.draw_sample(
            train,
            outcome,
            predraw={},
            downsampling=downsampling,
            feature_share=1.0,
            row_share=1.0,
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
        self.session.source(HERE / "bench_models.R", self.timed)

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

    def caret(self) -> tuple[float, float]:
        """CPU seconds of caret's logistic regression, and the largest difference."""
        found = self.session.call(
            self.timed,
            "time_caret_lr",
            self._file("lr"),
            self.completed,
            self.outcome,
            MODEL_SEED,
        ).value.python()
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
        self.session.source(source, environment)
        return environment


def main() -> int:
    """Print the ratios; 1 when a target is missed."""
    stages = RStages()
    missed = False
    for name, transcript, downsampling in CASES:
        case = Case(stages, transcript, downsampling=downsampling)
        rows, features = case.shape
        mtry = case.stages.train("rf", case.imputed, case.outcome).facts[0]["settings"]["mtry"]
        # interleaved, so that what else runs on the machine meets both alike
        forests = [(case.own("rf"), case.bare(mtry)) for _ in range(REPEATS)]
        regressions = [
            (*case.caret(), np.mean([case.own("lr") for _ in range(5)])) for _ in range(3)
        ]
        rf, bare = (median(pair[i] for pair in forests) for i in (0, 1))
        caret, lr = median(t[0] for t in regressions), median(t[2] for t in regressions)
        difference = max(t[1] for t in regressions)
        print(f"{rows} x {features} ({name})")
        print(f"  rf  own {rf:.3f} s, six bare forests {bare:.3f} s: {rf / bare:.2f} x (<= 1.1)")
        print(f"  lr  own {lr:.4f} s, caret {caret:.3f} s: {caret / lr:.0f} x faster (>= 25)")
        print(f"      largest difference in P(positive): {difference:.1e}")
        missed |= rf / bare > RF_TARGET or caret / lr < LR_TARGET or difference > 1e-9
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
