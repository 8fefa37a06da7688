"""The cells that the clients of the Open Inference Protocol ask about; beside their scripts, in their environments."""

import numpy as np

NUMBERS = np.array([[0.5, 0.25], [-0.75, 1.0]])
COLUMNS = {
    "age": np.array([[3.0], [np.nan]]),
    "colour": np.array([["red"], ["blue"]], object),
    "floor": np.array([[2], [1]]),
    "late": np.array([[False], [False]]),
    "when": np.array([["1970-01-01T05:00:00Z"], ["1970-01-01"]], object),
}
TYPES = {"age": "FP64", "colour": "BYTES", "floor": "INT64", "late": "BOOL", "when": "BYTES"}
