"""A Ray for tests of slots, on a clock that the test sets: no process is started."""

import pickle
from types import SimpleNamespace

from gridrun.pipeline import TaskResult
from gridrun.plan.units import Attempt, TaskDone, UnitFinished, UnitStarted


class Clock:
    """Monotonic seconds."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Actor:
    """Runs a unit in one call, unless it is frozen: then no call ends."""

    def __init__(self, number, frozen):
        self.number = number
        self.frozen = frozen
        self.hello = self._method("hello")
        self.step = self._method("step")
        self.close = self._method("close")

    def _method(self, name):
        return SimpleNamespace(remote=lambda *given, **_: (self, name, given))


class OneRay:
    """What slots ask of the module; a wait lets the clock go on.

    Args:
        clock: The clock.
        frozen: Numbers of the actors that freeze once they have a unit; None for all.
        waits: Seconds of each wait, the last one for all further ones.
        dies: The call in which every actor ends, or None.
        done: So many tasks of the first unit are done before that.
    """

    class exceptions:  # noqa: N801 - a module's
        RayError = type("RayError", (Exception,), {})
        RayTaskError = type("RayTaskError", (Exception,), {})
        ActorDiedError = type("ActorDiedError", (RayError,), {})

    def __init__(self, clock, frozen=(), waits=(1.0,), dies=None, done=0):
        self.clock = clock
        self.frozen = frozen
        self.waits = list(waits)
        self.dies = dies
        self.done = done
        self.made = []
        self.killed = []
        self.put = pickle.dumps

    def remote(self, _):
        def make():
            number = len(self.made)
            self.made.append(Actor(number, self.frozen is None or number in self.frozen))
            return self.made[-1]

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=make))

    def wait(self, calls, **_):
        self.clock.now += self.waits.pop(0) if len(self.waits) > 1 else self.waits[0]
        ready = [call for call in calls if not (call[0].frozen and call[1] == "step")]
        return ready[:1], calls

    def get(self, call):
        actor, name, given = call
        if name == self.dies and not (name == "step" and given[0] and self.done):
            raise self.exceptions.ActorDiedError("It died.\nActor 27")
        if name == "hello":
            return ""
        unit = given[0]
        worker = f"worker {actor.number}"
        if self.dies:
            tasks, self.done = unit.tasks[: self.done], 0
            attempt = Attempt(unit.id, 1, worker, 0.0, 0.1)
            rows = ({"test_table": "table 1"},)
            return [
                UnitStarted(unit.id, worker),
                *(TaskDone(task, attempt, TaskResult(rows)) for task in tasks),
            ]
        return [UnitStarted(unit.id, worker), UnitFinished(unit.id, worker)]

    def kill(self, actor, **_):
        self.killed.append(actor.number)

    def nodes(self):
        return [{"Alive": True}]

    def available_resources(self):
        return {}
