"""cleanlab's suspects on predictions that kohort made.

It is run by the Python of an environment apart: cleanlab is under the AGPL, so that nothing of
kohort imports it.
"""

import json
import sys

import numpy as np
from cleanlab import __version__
from cleanlab.filter import find_label_issues

FILTERS = ("confident_learning", "prune_by_noise_rate", "both")


def main(source: str) -> None:
    """Print, as JSON, the suspects by filter, the most suspect first."""
    with np.load(source) as arrays:
        probabilities, labels = arrays["probabilities"], arrays["labels"]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = {
        name: find_label_issues(
            labels,
            probabilities,
            filter_by=name,
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,
        ).tolist()
        for name in FILTERS
    }
    print(json.dumps({"version": __version__, "suspects": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
