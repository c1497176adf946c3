"""What goes wrong, with the codes of docs/protocol.md."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class ParleyError(Exception):
    """The server refused something, or a turn failed."""

    def __init__(self, message: str, code: str, retryable: bool = False, retry_after_ms: Optional[float] = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms

    @classmethod
    def of(cls, frame: Mapping[str, Any]) -> "ParleyError":
        code = frame.get("code", "PROCESSING_ERROR")
        sentence = frame.get("error", frame.get("message", code))
        return cls(sentence, code, frame.get("retryable", False), frame.get("retry_after_ms"))


class ClosedError(ParleyError):
    """The client was closed, or the server said that coming back is of no use."""

    def __init__(self, reason: str, close_code: Optional[int] = None) -> None:
        super().__init__(reason or "The client was closed.", "CLOSED")
        self.close_code = close_code
