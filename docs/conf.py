"""The documentation site: ``./run docs`` builds it, runs the tutorials, and takes every warning for an error."""

import os
import re
from pathlib import Path

DOCS = Path(__file__).parent
os.environ.setdefault("MPLBACKEND", "agg")

project = "graphcond"
author = copyright = "The graphcond developers"
release = re.search(r'^version = "(.+)"', (DOCS.parent / "pyproject.toml").read_text(), re.MULTILINE)[1]
version = release

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
suppress_warnings = ["mystnb.unknown_mime_type"]
nitpicky = False  # annotations name classes of torch, PyG and NumPy, whose pages cannot be asked offline

html_theme = "furo"
html_title = f"graphcond {release}"
html_static_path = ["_static"]
html_css_files = ["graphcond.css"]
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = os.environ.get("GRAPHCOND_DOCS_EXECUTION", "cache")
nb_execution_cache_path = str(DOCS / "_build" / ".jupyter_cache")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_output_stderr = "remove"  # bars of progress
nb_execution_show_tb = True

autosummary_generate = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Shapes", "notes_style")]
napoleon_use_rtype = False
