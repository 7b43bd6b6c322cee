"""Write the generated pages of docs/: findings, simulations, Keras's tests, commands.

Findings are told by their rules, their rates by docs/simulations.json, and Keras's tests by
docs/keras-suite.json. `make docs` writes all pages; `tests/test_docs.py` checks that they are up
to date.
"""

from collections.abc import Callable, Iterator

import typer
from typer.core import TyperGroup
from typer.main import get_command

from kohort.cli.main import app
from scripts import finding_pages, keras_suite_page, simulation_page
from scripts.examples import example
from scripts.figures import DRAWINGS, figure
from scripts.finding_pages import NOTE
from scripts.measured import DOCS


def commands_page() -> str:
    """Each command's help."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    context = typer.Context(root, info_name="kohort")
    parts = [
        NOTE,
        "# Commands\n",
        "Progress goes to stderr, results to stdout. Exit code 0: done; 2: the input is wrong,",
        "told in one line; 130: interrupted. On a terminal tables are as wide as it is, and what",
        "has no room comes in a table below; a pipe gets a line for each variant.\n",
        "`kohort --install-completion` lets the Tab key complete commands, options and files, in",
        "bash, zsh, fish and PowerShell; `--show-completion` prints what it would install.\n",
    ]
    return "\n".join([*parts, *_help(root, context, "kohort")])


def _help(group: TyperGroup, context: typer.Context, place: str) -> Iterator[str]:
    """The help of a group's commands, and of those of its groups."""
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context, max_content_width=90)
        if isinstance(command, TyperGroup):
            yield from _help(command, inner, f"{place} {name}")
            continue
        inner.terminal_width = 90
        yield f"## {place} {name}\n"
        yield from ("```text", command.get_help(inner), "```\n")


PAGES: dict[str, Callable[[], str]] = {
    **finding_pages.PAGES,
    "simulations.md": simulation_page.page,
    "keras-suite.md": keras_suite_page.page,
    "commands.md": commands_page,
}


def main() -> None:
    """Write every page and figure."""
    (DOCS / "findings").mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")
    for code in DRAWINGS:
        shown = example(code)
        if shown is not None:
            (DOCS / "findings" / f"{code}.svg").write_text(figure(code, shown), encoding="utf-8")
            print(f"wrote docs/findings/{code}.svg")


if __name__ == "__main__":
    main()
