"""How Sphinx makes the site of this folder: `make site`.

The source folder is the repository, so that links from `docs/` to other folders lead to pages.
"""

import re
from importlib import metadata
from typing import Any

from docutils import nodes

project, author = "kohort", "The kohort maintainers"
release = metadata.version("kohort")
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/findings/*.md",
    "benchmarks/results/*.md",
    "examples/*.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "src/kohort/data/builtin/NOTICE.md",
]
exclude_patterns = [".venv*", ".git", "site", "dist"]
extensions = [
    "myst_nb",  # MyST for Markdown, and notebooks
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]

myst_heading_anchors = 4  # as on GitHub, where links point to headings
myst_links_external_new_tab = False

# Notebooks are kept without outputs: each is executed where the site is built, as their test does.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True

suppress_warnings = ["myst.header"]  # a page may begin with a level below the first

default_role = "code"  # docstrings write `code` as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures are short, and docstrings tell the types in words
autodoc_default_options = {"members": True, "inherited-members": True, "show-inheritance": False}
napoleon_use_ivar = True
napoleon_numpy_docstring = False
add_module_names = False
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"kohort {release}"
html_static_path = ["_static"]
html_extra_path = ["_root"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
pygments_style, pygments_dark_style = "friendly", "github-dark"
html_theme_options: dict[str, Any] = {"navigation_with_keys": False}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^- \[[^\]]+\]\(([^)#]+)\)", re.MULTILINE)
_PARTS = {
    "docs/findings": re.compile(r"\]\((findings/\w+\.md)\)"),
    "docs/benchmarks": re.compile(r"\]\((\.\./benchmarks/results/[^)]+\.md)\)"),
}
"""The pages below a page: those that it links to."""


_KERAS, _NUMPY = "https://keras.io/api/", "https://numpy.org/doc/stable/reference/random/"
_PREPARING = f"{_KERAS}layers/preprocessing_layers/"
ELSEWHERE = {
    "keras.Input": f"{_KERAS}layers/core_layers/input/",
    "keras.Model": f"{_KERAS}models/model/",
    "keras.Model.fit": f"{_KERAS}models/model_training_apis/#fit-method",
    "model.fit": f"{_KERAS}models/model_training_apis/#fit-method",
    "keras.datasets": f"{_KERAS}datasets/",
    "keras.utils.PyDataset": f"{_KERAS}utils/python_utils/",
    "keras.utils.set_random_seed": f"{_KERAS}utils/python_utils/#set_random_seed-function",
    "PyDataset": f"{_KERAS}utils/python_utils/",
    "CSVLogger": f"{_KERAS}callbacks/csv_logger/",
    "EarlyStopping": f"{_KERAS}callbacks/early_stopping/",
    "ModelCheckpoint": f"{_KERAS}callbacks/model_checkpoint/",
    "ReduceLROnPlateau": f"{_KERAS}callbacks/reduce_lr_on_plateau/",
    "TensorBoard": f"{_KERAS}callbacks/tensorboard/",
    "TerminateOnNaN": f"{_KERAS}callbacks/terminate_on_nan/",
    "Embedding": f"{_KERAS}layers/core_layers/embedding/",
    "Normalization": f"{_PREPARING}numerical/normalization/",
    "keras.layers.Normalization": f"{_PREPARING}numerical/normalization/",
    "Rescaling": f"{_PREPARING}image_preprocessing/rescaling/",
    "StringLookup": f"{_PREPARING}categorical/string_lookup/",
    "TextVectorization": f"{_PREPARING}text/text_vectorization/",
    "np.random.default_rng": f"{_NUMPY}generator.html#numpy.random.default_rng",
    "np.random.seed": f"{_NUMPY}generated/numpy.random.seed.html",
    "pandas.DataFrame": "https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.html",
}
"""Names of other libraries in docstrings and pages, and where they are told of; inventories, from
which Sphinx would know all of them, would have to be loaded."""


def with_links(page: nodes.document) -> None:
    """Let names of other libraries, and calls of them, lead to where they are told of."""
    for literal in list(page.findall(nodes.literal)):
        target = ELSEWHERE.get(literal.astext().partition("(")[0])
        if target is not None and not isinstance(literal.parent, nodes.reference | nodes.title):
            link = nodes.reference("", "", refuri=target, internal=False)
            literal.replace_self(link)
            link += literal


def with_contents(text: str) -> str:
    """The first page with the tables of contents that its lists of links are."""
    parts = _HEADING.split(text)[1:]
    for caption, links in zip(parts[::2], parts[1::2], strict=True):
        pages = "\n".join(_ENTRY.findall(links))
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"
    return text


def with_parts(text: str, link: re.Pattern[str]) -> str:
    """A page with a table of contents of the pages below it."""
    pages = "\n".join(dict.fromkeys(link.findall(text)))
    return f"{text}\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def _on_source_read(_app: object, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] = with_contents(source[0])
    elif page in _PARTS:
        source[0] = with_parts(source[0], _PARTS[page])


def _on_doctree_read(_app: object, page: nodes.document) -> None:
    with_links(page)


def setup(app: Any) -> None:
    """Take the lists of the first page as the tables of contents; link names of others."""
    app.connect("source-read", _on_source_read)
    app.connect("doctree-read", _on_doctree_read)
