"""A pipeline of one real R: a task calls the function of trouble.R that its values name."""

from pathlib import Path

from amiss_tasks.r import session as r_session
from gridrun.pipeline import TaskFailure, TaskResult
from gridrun.testing.toy import ToyPipeline, toy_pipeline


class RealRunner:
    def __init__(self):
        self.session = r_session.start()
        self.functions = self.session.environment(self.session.shared)
        self.session.source_text(Path(__file__).with_name("trouble.R").read_text(), self.functions)

    def environment(self):
        return {"R": "real"}

    def run(self, task, artifact):
        try:
            value = self.session.call(self.functions, task.values["do"]).value.python()
        except r_session.RError as error:
            raise TaskFailure(error.message) from error
        return TaskResult(({"value": int(value[0])},))


class RealPipeline(ToyPipeline):
    def open_runner(self, settings, stage_hook):
        return RealRunner()


PIPELINE = RealPipeline(toy_pipeline().parameters, "1", "real_r:PIPELINE")
