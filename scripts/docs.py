"""Write the generated pages of docs/: the findings, from their rules, and the commands.

`python scripts/docs.py` writes them; `tests/test_docs.py` checks that they are up to date.
"""

from pathlib import Path

import typer
from typer.core import TyperGroup
from typer.main import get_command

from kohort.cli import app
from kohort.findings.diagnosis import RULES

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- Written by scripts/docs.py; `make docs` writes it again. -->\n"


def findings_page() -> str:
    """What each code means, with its thresholds."""
    parts = [
        NOTE,
        "# Findings\n",
        "Each rule looks at one variant over its replicates. Train and validation are both",
        "measured in inference mode at the end of each epoch, by the loss without the penalties of",
        "weight regularisers, and by the error, 1 - accuracy. e* is the variant's best epoch:",
        "the one of lowest validation loss, averaged over replicates. Intervals are Student's t at",
        "the study's confidence, 95 % by default, with the correction of Nadeau and Bengio (2003)",
        "for splits that share training samples. Replicates that diverged are left out.\n",
        'A verdict is "found", "not found", "inconclusive" (the interval holds the threshold, or',
        'there are too few replicates to form one) or "not applicable".\n',
    ]
    for rule in RULES:
        parts += [
            f"## {rule.code}: {rule.title}\n",
            f"**Rule.** {rule.rule}\n",
            f"**Why it matters.** {rule.why}\n",
            f"**Source.** {rule.source[0].upper()}{rule.source[1:]}.\n",
        ]
    return "\n".join(parts)


def commands_page() -> str:
    """Each command's help."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    context = typer.Context(root, info_name="kohort")
    parts = [
        NOTE,
        "# Commands\n",
        "Progress goes to stderr, results to stdout. Exit code 0: done; 2: the input is wrong,",
        "told in one line; 130: interrupted.\n",
    ]
    for name, command in root.commands.items():
        own = typer.Context(command, info_name=name, parent=context, max_content_width=90)
        own.terminal_width = 90
        parts += [f"## kohort {name}\n", "```text", command.get_help(own), "```\n"]
    return "\n".join(parts)


PAGES = {"findings.md": findings_page, "commands.md": commands_page}


def main() -> None:
    """Write every page."""
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
