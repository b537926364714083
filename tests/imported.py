"""What the server of ``commands`` imports before all commands: nothing that starts a thread.

Only time depends on what stands here: a command imports what it needs.
"""

from importlib import import_module

from amiss_tasks.classifiers import NAMES
from amiss_tasks.methods import METHODS
from amiss_tasks.tasks.code import block_code, code_digests, code_in_use, read_code
from gridrun.plan.fingerprint import python_code

for name in (
    "amiss_tasks.tasks.runner",
    "amiss_tasks.tasks.source",
    "backends.inprocess",
    "gridrun.testing.toy",
    "pandas",
    "pyarrow.compute",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "rich.markdown",
    "rich.traceback",
    "ruamel.yaml",
    "typer._adapters",
    "typer.rich_utils",
):
    import_module(name)

# code does not change while tests run, so its digests are taken once
read_code()
block_code()
for method in METHODS.values():
    for classifier in NAMES:
        code_digests(method, classifier, {})
code_in_use()
python_code("gridrun.report.tables", "gridrun.report")
