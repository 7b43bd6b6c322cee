"""The notebook of the README's story: executed as a user's Jupyter does, and what it shows."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PLACE = Path(__file__).parents[1] / "examples" / "story.ipynb"


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_notebook_is_kept_without_outputs_and_is_valid():
    notebook = nbformat.read(PLACE, 4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_of(notebook))
    for cell in code_of(notebook):
        compile(cell.source, PLACE.name, "exec")


def outputs_of(cells, start):
    """The outputs of the cell that begins so."""
    (cell,) = [cell for cell in cells if cell.source.startswith(start)]
    return cell.outputs


@pytest.mark.long
def test_the_notebook_tells_its_story(tmp_path):
    notebook = nbformat.read(PLACE, 4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, resources=where).execute()
    cells = code_of(notebook)
    said = [out.text for cell in cells for out in cell.outputs if out.get("name") == "stderr"]
    assert said == []  # no warning, and no line of a log
    (progress,) = outputs_of(cells, "result = study.run()")  # one line, which was written over
    assert progress.data["text/plain"].startswith("192 of 192 member epochs, ")
    assert "leader: " in progress.data["text/plain"]
    (shown,) = next(cell.outputs for cell in cells if cell.source == "result")
    assert "<svg" in shown.data["text/html"]
    assert "against best" in shown.data["text/html"]
    (table,) = outputs_of(cells, "print(result)")
    assert max(map(len, table.text.splitlines())) <= 80
    (plot,) = outputs_of(cells, "result.plot()")
    assert plot.data["image/svg+xml"].startswith("<svg")
    shown = [str(out.data) for cell in cells for out in cell.outputs if "data" in out]
    assert len(shown) >= 10
    for text in shown:  # it does not depend on whether scripts may run, or what may be loaded
        assert "<script" not in text
        assert "http" not in text.replace("http://www.w3.org", "")
    for start in ("study.plan()", "import kohort", "result.compare", "result.members", "found ="):
        (shown,) = outputs_of(cells, start)
        assert {"text/html", "text/plain"} <= set(shown.data)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "winner.keras"}
