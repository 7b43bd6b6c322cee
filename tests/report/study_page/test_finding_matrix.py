"""The findings as a matrix: a cell for each variant and rule, with a place for its evidence."""

from kohort.findings.finding import Finding
from kohort.report.study_page.finding_matrix import finding_matrix


def finding(code, variant, verdict):
    return Finding(code, f"rule {code}", variant, verdict, {}, "told")


def test_each_variant_has_a_cell_for_each_rule():
    found = [
        finding("KH201", None, "found"),
        finding("KH101", "a", "found"),
        finding("KH102", "a", "inconclusive"),
        finding("KH101", "b", "not found"),
        finding("KH102", "b", "not applicable"),
    ]
    matrix = finding_matrix(found, ["b", "a"])
    assert matrix.rules == [("KH101", "overfit"), ("KH102", "gap")]
    assert {name: [cell.mark for cell in row] for name, row in matrix.rows.items()} == {
        "b": ["·", "-"],
        "a": ["●", "?"],
    }
    assert matrix.anchors == {
        ("KH101", "b"): "KH101-0", ("KH102", "b"): "KH102-0",
        ("KH101", "a"): "KH101-1", ("KH102", "a"): "KH102-1",
    }  # fmt: skip
