"""
How the documentation is built: ``make docs``.
"""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE / "_ext"), str(_HERE.parent)]

import wsfallback  # noqa: E402

project = "wsfallback"
author = copyright = "the wsfallback authors"
version = release = wsfallback.__version__

extensions = ["sphinx.ext.autodoc", "generated"]
exclude_patterns = ["_build", "examples"]
# A name between single backticks is one of Python's, as in our docstrings.
default_role = "py:obj"
add_module_names = False
autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "wsfallback"
html_show_copyright = False
