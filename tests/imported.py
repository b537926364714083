"""What the server of ``commands`` imports before all commands: nothing that starts a thread.

Only time depends on what stands here: a command imports what it needs.
"""

import pandas
import pyarrow.compute
import pyarrow.pandas_compat
import pyarrow.parquet
import rich.markdown
import rich.traceback
import ruamel.yaml
import typer._adapters
import typer.rich_utils  # noqa: F401

import amiss_tasks.tasks.runner
import amiss_tasks.tasks.source
import backends.inprocess
import gridrun.cli._watch
import gridrun.testing.toy  # noqa: F401
from amiss_tasks.tasks.code import block_code, code_in_use, read_code
from gridrun.plan.fingerprint import python_code

# code does not change while tests run, so its digests are taken once
read_code()
block_code()
code_in_use()
python_code("gridrun.report.tables", "gridrun.report")
