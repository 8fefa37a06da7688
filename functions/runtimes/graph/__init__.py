"""The graph runtime: a list of operators over numpy arrays, all of them in operators.py, nothing that executes."""
