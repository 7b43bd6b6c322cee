"""What a search tells in its last line."""

import json


def told(test: float, **more: float) -> None:
    """Print the accuracy of the winner on test samples, and what else was measured, as JSON."""
    print(json.dumps({"test": test, **more}))
