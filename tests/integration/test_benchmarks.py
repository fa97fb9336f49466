"""
The benchmarks run; what they measure is no test's business.
"""

import re

import pytest_twisted

from tests.integration.children import PYTHON, ROOT, run


@pytest_twisted.ensureDeferred
async def test_echo() -> None:
    """
    A line for each server, with a figure and a ratio.
    """
    ran = await run(PYTHON, str(ROOT / "benchmarks" / "echo.py"), "400", seconds=90)
    assert ran.status == 0, ran
    lines = re.findall(r"^(\S.*\S) +[0-9.]+ us +[0-9.]+$", ran.printed, re.MULTILINE)
    assert lines[0] == "bare Autobahn, rfc6455", ran
    assert len(lines) == 8, ran
