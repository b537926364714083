"""Runs a toy study on Azure in a process of its own. Arguments: directory, what, toy options.

What: a key of MODES, or ``cancel`` and a name. Ends as the command would: same exit code, same
errors; what the engine says goes to standard error.
"""

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from toystudies import open_toy

from gridrun.errors import GridrunError
from gridrun.run.backend import load_backend

MODES = {
    "all": {"send": True, "wait": True},
    "submit": {"send": True, "wait": False},
    "collect": {"send": False, "wait": False},
    "drain": {"send": False, "wait": True},
}


class Loud:
    def say(self, text):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def phase(self, text):
        if text:
            self.say(text)

    def note(self, fault):
        self.say(f"note: {fault if isinstance(fault, str) else fault.text()}")

    def update(self, tally):
        pass

    def failure(self, event, log):
        self.say(f"failure: {event.kind} {event.reason}")


def main(directory, what, options):
    loud = Loud()
    request = options.pop("request", {})
    study = open_toy(Path(directory), **options)
    if what.startswith("cancel "):
        backend = load_backend("azureml", settings=study.study.backend_options["azureml"])
        backend.cancel(what.removeprefix("cancel "))
        backend.close()
        return 0
    mode = MODES[what]
    backend = load_backend(
        "azureml", settings=study.study.backend_options["azureml"], say=loud.say, **mode
    )
    engine = study.engine(
        backend, progress=loud, collect_only=not mode["send"], name="azureml", **request
    )
    signal.signal(signal.SIGINT, lambda *_: engine.stop())
    try:
        report = engine.run()
    except GridrunError as error:
        loud.say(f"error: {error.text()}")
        return error.exit_code
    about = {"state": report.state, "held": report.held, **vars(report.tally)}
    sys.stdout.write(json.dumps(about) + "\n")
    return report.exit_code


sys.exit(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
