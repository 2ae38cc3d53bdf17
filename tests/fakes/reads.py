"""Driving `Reads` without a node: every request is answered by a function."""


def drive(read, answer):
    """Run a read to its end; `answer(request)` gives each `Returned`. Returns the read's own result."""
    return drive_rounds(read, lambda requests: tuple(answer(request) for request in requests))


def drive_rounds(read, answers):
    """Run a read to its end; `answers(requests)` gives all of a round."""
    try:
        requests = next(read)
        while True:
            requests = read.send(answers(requests))
    except StopIteration as stop:
        return stop.value
