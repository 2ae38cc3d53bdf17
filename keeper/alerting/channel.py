"""One channel at work: a thread of its own with a short queue, so that a dead or hanging one costs nobody anything.

apprise speaks to the world and blocks while it does; its log is silenced because it may hold what its URLs hold.
"""

import logging
import queue
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from keeper.alerting.alert import Severity
from keeper.errors import ConfigError

QUEUED: Final = 64
"""Messages a channel may lag behind; alerts are rate-limited before they get here."""
_FIRST_WAIT_S: Final = 60.0
_LONGEST_WAIT_S: Final = 3_600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, as plain text; `numbers` are the journal's, of the alerts it tells of."""

    severity: Severity
    title: str
    body: str
    numbers: tuple[int, ...] = ()


Send = Callable[[Message], bool]
"""Blocks until a message was taken or not."""


def apprise_sender(url: str, name: str) -> Send:
    """Make a sender of an apprise URL; `ConfigError` for one that apprise does not understand, or without apprise."""
    try:
        import apprise  # noqa: PLC0415 - a quarter of a second, and an extra: only where a channel is configured
    except ModuleNotFoundError:
        raise ConfigError(f"channel {name}: alerts need apprise: pip install 'keeper[alerts]'") from None

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = apprise.AppriseAsset(app_id="keeper", app_desc="keeper", app_url="", async_mode=False, secure_logging=True)
    target = apprise.Apprise(asset=asset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what its plugins import, once
        understood = target.add(url)

    if not understood:
        raise ConfigError(f"channel {name}: its URL is none that apprise understands\n  such as tgram://TOKEN/CHAT")

    kinds = {Severity.WARNING: apprise.NotifyType.WARNING, Severity.CRITICAL: apprise.NotifyType.FAILURE}

    def send(message: Message) -> bool:
        # As text: apprise escapes it for whatever the channel speaks.
        taken = target.notify(
            title=message.title,
            body=message.body or message.title,
            notify_type=kinds[message.severity],
            body_format=apprise.NotifyFormat.TEXT,
        )
        return bool(taken)

    return send


class Channel:
    """A place alerts go to. Invariant: `offer` never waits, and what was taken is in `taken` once."""

    def __init__(self, name: str, least: Severity, send: Send, taken: "queue.SimpleQueue[Message]") -> None:
        self.name = name
        self.least = least
        self._send = send
        self._taken = taken
        self._waiting: queue.Queue[Message] = queue.Queue(QUEUED)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"alerts {name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def offer(self, message: Message) -> bool:
        """Give it a message; False where it has too many already, True where it is none of its business."""
        if self.least is Severity.CRITICAL and message.severity is Severity.WARNING:
            return True

        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            log.warning("alert_dropped", channel=self.name, title=message.title)
            return False

        return True

    def close(self, within_s: float) -> None:
        """Let it send what it has for so long; a thread that hangs is left behind, it dies with the process."""
        deadline = threading.Event()
        while not self._waiting.empty() and within_s > 0 and self._thread.is_alive():
            deadline.wait(0.05)
            within_s -= 0.05

        self._stop.set()
        self._thread.join(max(within_s, 0.1))

    def _work(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                message = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue

            while not self._tried(message):
                log.warning("alert_undelivered", channel=self.name, title=message.title, again_in_s=int(wait_s))
                if self._stop.wait(wait_s):
                    return

                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

            wait_s = _FIRST_WAIT_S
            self._taken.put(message)

    def send_now(self, message: Message) -> bool:
        """Send a message and wait for it; whether it was taken."""
        return self._tried(message)

    def _tried(self, message: Message) -> bool:
        try:
            return self._send(message)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            # Whatever a library makes of a broken answer ends here: an alert must not end a thread.
            log.warning("alert_failed", channel=self.name, error=type(error).__name__)
            return False
