"""Renders the templates of pages, and writes them."""

import base64
import hashlib
import io
import re
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from kohort.evidence.whole_files import written_whole


def environment() -> jinja2.Environment:
    """What templates are rendered by: every name is escaped, and what is missing is an error.

    `script` is what the page runs, and `script_hash` allows a browser to run it, and nothing else.
    """
    script = resources.files(__package__).joinpath("report.js").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kohort.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.filters["code"] = _code
    environment.globals |= {"script": script, "script_hash": f"sha256-{digest}"}
    return environment


def _code(text: str) -> Markup:
    """The text, escaped, with what stands between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S704 (escaped)


def write_html(path: Path, html: str) -> Path:
    """Write a page, whole or not at all."""
    with written_whole(path) as new:
        new.write_text(html, encoding="utf-8")
    return path


def png_url(pixels: np.ndarray) -> str:
    """Pixels uint8 `[height, width]` or `[height, width, 3]` as the URL of a PNG image."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
