"""Progress in a notebook: one output of a cell that is written over, without widgets."""

from html import escape
from typing import Any


class ProgressLine:
    """A bar and a line of text in the output of a cell.

    Rich's own bar for notebooks needs ipywidgets, and shows nothing without it. An output with a
    display id is written over by Jupyter, VS Code and Colab as they are.
    """

    def __init__(self) -> None:
        self._handle: Any = None  # IPython's, which has no types

    def show(self, done: float, total: float, text: str) -> None:
        """Write over what it shows.

        Args:
            done: How much is done.
            total: Of how much.
            text: What to tell beside the bar.
        """
        from IPython import display

        html = (
            f'<progress max="{max(total, 1):g}" value="{done:g}" style="width: 12em"></progress> '
            f"{escape(text)}"
        )
        data: dict[str, Any] = {"text/plain": text, "text/html": html}
        if self._handle is None:
            show: Any = display.display
            self._handle = show(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
