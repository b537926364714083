"""Whether memory has room for a run's blocks: said before anything is read, where it has not."""

from __future__ import annotations

from collections.abc import Sequence

from gridrun.pipeline.costs import KnowsMemory
from gridrun.plan.tasks import Pending
from gridrun.report.disk import about, blocks_of
from gridrun.study.state import StudyState
from gridrun.worker import total_memory


def memory_warning(study_state: StudyState, pending: Sequence[Pending]) -> str:
    """What is to be done where the largest block may be too large for this machine.

    Args:
        study_state: The study and the request.
        pending: The tasks that are to be run.

    Returns:
        Empty where it is not, or the pipeline knows nothing of it, or the inputs, and what is made
        of them, are elsewhere.
    """
    model = study_state.costs
    blocks = [values for values, _ in blocks_of(study_state, pending)]
    if not isinstance(model, KnowsMemory) or not blocks or study_state.study.inputs_elsewhere:
        return ""
    making = round(max(map(model.making_bytes, blocks)))
    training = round(max(map(model.training_bytes, blocks)))
    there = total_memory()
    if max(making, training) <= there:
        return ""
    return (
        f"memory may not suffice for the largest block: about {about(making)} to make it, and "
        f"{about(training)} or more in each process that trains on it; this machine has "
        f"{about(there)}, a limit of its container or job counted. Run the study where there is "
        "more, or let the grid keep fewer rows (--rows draws some). It goes on; what memory has no "
        "room for ends as a failure, and what is committed is kept"
    )
