"""What stops the referee itself. A run that it judges badly is a verdict, not an error."""


class RefereeError(Exception):
    """The run cannot be judged: a bad manifest or report, or a chain that does not answer."""


class RpcError(RefereeError):
    """The node answered a request with an error, or did not answer."""

    def __init__(self, method: str, message: str) -> None:
        self.method = method
        super().__init__(f"{method}: {message}")
