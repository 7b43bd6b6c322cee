"""Studies as notebooks show them."""

import pandas as pd

from kohort.design.spec import StudySpec
from kohort.errors import count
from kohort.report.notebooks.shown import sentences_html, table_html


class StudyView:
    """What a study shows of itself; nothing is built or planned for it."""

    spec: StudySpec

    def __repr__(self) -> str:
        return (
            f"Study({self.spec.name!r}, {count(len(self.spec.variants), 'variant')}, "
            f"{self.spec.replicates!r}, {self.spec.data!r})"
        )

    def _repr_html_(self) -> str:
        rows = [
            {"variant": variant.name, "epochs": self.spec.epochs_of(variant)}
            | {name: repr(value) for name, value in variant.kwargs.items()}
            for variant in self.spec.variants
        ]
        return sentences_html([repr(self)]) + table_html(pd.DataFrame(rows).set_index("variant"))
