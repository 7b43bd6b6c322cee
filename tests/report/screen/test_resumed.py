"""Where a study resumes."""

from kohort.report.screen.resumed import goes_on, trained_before


def test_a_resumed_run_says_where():
    assert trained_before(12, 40) == "resumes: 12 of 40 members had trained before"
    assert trained_before(1, 1) == "all 1 member had trained before: nothing is left to train"
    assert goes_on(1200, 4000) == "resumes after 1,200 of 4,000 member epochs"
