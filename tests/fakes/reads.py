"""Driving `Reads` without a node: every request is answered by a function."""


def drive(read, answer):
    """Run a read to its end; `answer(request)` gives each `Returned`. Returns the read's own result."""
    try:
        requests = next(read)
        while True:
            requests = read.send(tuple(answer(request) for request in requests))
    except StopIteration as stop:
        return stop.value
