"""Settings of the documentation: ``make docs`` builds it with warnings as errors and the network unused."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as _version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# Notebooks call `ohmics` as a reader would: the command that stands beside this Python.
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

project = "ohmics"
author = "The ohmics authors"
release = _version("ohmics")
version = release
html_title = f"ohmics {release}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "ohmics_pages",
]
exclude_patterns = ["_build", "_ext"]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
nitpicky = True
# Types of other packages and of Python, to whose documents nothing here can lead: no inventory is fetched.
nitpick_ignore_regex = [
    (r"py:.*", r"(pd|np|ad|sparse|npt|mpl)\..*"),
    (r"py:.*", r"(pandas|numpy|anndata|scipy|matplotlib|pathlib|collections|typing|os|abc|argparse|types)\..*"),
    # What a catalogue offers to a function: any object with these members, so no class of its own.
    (r"py:.*", r"ohmics\.(annotate\.HasMarkers|_gene_sets\.HasGeneLists)"),
    (r"py:.*", r"(Path|AnnData|DataFrame|Series|Figure|Mapping|Sequence|Iterable|Callable|Any|Literal)"),
]
default_role = "literal"

autosummary_generate = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# A page of the repository may begin below its first heading level.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
# Seconds a cell may take: a machine that is shared is many times slower than an idle one.
nb_execution_timeout = 1200
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["ohmics.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": False}
