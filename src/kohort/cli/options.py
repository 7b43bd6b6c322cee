"""The arguments and options that several commands take."""

from typing import Annotated

import typer

StudyPlace = Annotated[
    str,
    typer.Argument(
        metavar="STUDY.py[::NAME]", help="A Python file, and what it calls its study: `study`."
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option(metavar="SRC", help="Data for the study: letters, a file, a folder, an archive."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Train this many epochs instead.")]
StorePlace = Annotated[
    str,
    typer.Option(
        metavar="STORE",
        envvar="KOHORT_STORE",
        help="Where studies are kept: a file, or postgresql://USER@HOST/DATABASE.",
    ),
]
StudyName = Annotated[str, typer.Argument(metavar="NAME", help="What the study is called.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Replicates = Annotated[
    int | None, typer.Option(min=1, help="Run this many replicates (or folds) instead.")
]


STORE = "kohort.db"
