"""Results as Python and notebooks show them."""

from kohort.report.answers import score_table
from kohort.report.cleaned.cleaned_view import CleanedView
from kohort.report.notebooks.result_html import result_html
from kohort.report.screen.score_lines import in_lines, plain_text


class ResultView(CleanedView):
    """What a result shows of itself."""

    def __str__(self) -> str:
        """The table of variants and the answer, in lines of 80 letters."""
        # Of classes that are not even the accuracy says little without the balanced one.
        table = plain_text(self._conclusions, is_uneven=bool(self.recalls_text()))
        told = [self.pending, self.answer()]
        return "\n\n".join([table, *(in_lines(text) for text in told if text)])

    def _repr_html_(self) -> str:
        variants = score_table(self._conclusions)
        return result_html(
            *(self._conclusions, variants, self.findings(), self.pending),
            is_uneven=bool(self.recalls_text()),
        )
