"""Says where a study resumes."""

from kohort.errors import count


def trained_before(members: int, planned: int) -> str:
    """How many members of a plan had trained before this run.

    Args:
        members: Of them, those that had.
        planned: All of them.
    """
    if members == planned:
        return f"all {count(planned, 'member')} had trained before: nothing is left to train"
    return f"resumes: {members:,} of {count(planned, 'member')} had trained before"


def goes_on(done: int, planned: int) -> str:
    """From where members go on that an earlier run had begun.

    Args:
        done: Member epochs that were kept.
        planned: Member epochs of these members.
    """
    return f"resumes after {done:,} of {count(planned, 'member epoch')}"
