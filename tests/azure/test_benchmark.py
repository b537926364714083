"""The benchmark that needs Azure's SDK, in its small form; the others: tests/benchmarks."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "bench_azure_collect.py"


@pytest.mark.azure
@pytest.mark.skipif(
    importlib.util.find_spec("azureml") is None, reason="the extra azure is not installed"
)
def test_collecting_in_small():
    """Children that ended are collected, every outcome, and the figures are printed."""
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--small"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^\d+ children in 1 sweeps: collected in [\d.]+ s, [\d,]+ requests, [\d,]+ outcomes; ",
        done.stdout,
    )
