"""What the server of ``commands`` imports before all commands: nothing that starts a thread."""

import pyarrow.compute
import pyarrow.parquet  # noqa: F401

from amiss_tasks.tasks.code import block_code, code_in_use, read_code

# code does not change while tests run, so its digests are taken once
read_code()
block_code()
code_in_use()
