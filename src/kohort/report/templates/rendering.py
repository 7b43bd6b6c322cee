"""Renders the templates of pages, and writes them."""

from pathlib import Path

import jinja2

from kohort.evidence.whole_files import written_whole


def environment() -> jinja2.Environment:
    """What templates are rendered by: every name is escaped, and what is missing is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("kohort.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_html(path: Path, html: str) -> Path:
    """Write a page, whole or not at all."""
    with written_whole(path) as new:
        new.write_text(html, encoding="utf-8")
    return path
