"""The same client for programs without asyncio: its loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, AsyncIterator, Coroutine, Iterator, Optional, TypeVar

from . import client as aio
from .client import Token
from .fold import Frame, Turn, View

T = TypeVar("T")


class Client:
    """As ``parley_client.Client``; its methods wait. Use it as a context manager. It may be used from several threads."""

    def __init__(self, url: str, token: Optional[Token] = None, **options: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="parley-client", daemon=True)
        self._thread.start()
        self._client = self._call(self._make(url, token, options))

    @staticmethod
    async def _make(url: str, token: Optional[Token], options: Any) -> aio.Client:
        return aio.Client(url, token, **options)

    def __enter__(self) -> "Client":
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, timeout_s: Optional[float] = None) -> None:
        self._call(self._client.connect(), timeout_s)

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._call(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def conversation(self, conversation_id: Optional[str] = None) -> "Conversation":
        return Conversation(self, self._call(self._conversation(conversation_id)))

    async def _conversation(self, conversation_id: Optional[str]) -> aio.Conversation:
        return self._client.conversation(conversation_id)

    def _call(self, work: Coroutine[Any, Any, T], timeout_s: Optional[float] = None) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except BaseException:
            future.cancel()
            raise


class Conversation:
    """As ``parley_client.Conversation``; its methods wait, at most ``timeout_s`` seconds where that is given (``TimeoutError``)."""

    def __init__(self, client: Client, conversation: aio.Conversation) -> None:
        self._client, self._conversation = client, conversation
        self.id = conversation.id

    @property
    def view(self) -> View:
        return self._conversation.view

    def subscribe(self, timeout_s: Optional[float] = None) -> None:
        self._client._call(self._conversation.subscribe(), timeout_s)

    def send(self, message: str, *, timeout_s: Optional[float] = None, **more: Any) -> Frame:
        return self._client._call(self._conversation.send(message, **more), timeout_s)

    def ask(self, message: str, *, timeout_s: Optional[float] = None, **more: Any) -> Turn:
        return self._client._call(self._conversation.ask(message, **more), timeout_s)

    def until_end(self, turn_id: str, timeout_s: Optional[float] = None) -> Turn:
        return self._client._call(self._conversation.until_end(turn_id), timeout_s)

    def tokens(self, turn_id: str) -> Iterator[str]:
        """What comes of the text of a turn, to its end."""
        tokens = self._conversation.tokens(turn_id)
        while True:
            try:
                yield self._client._call(self._step(tokens))
            except StopAsyncIteration:
                return

    @staticmethod
    async def _step(tokens: AsyncIterator[str]) -> str:
        return await tokens.__anext__()

    def cancel(self, turn_id: Optional[str] = None) -> None:
        self._client._call(self._conversation.cancel(turn_id))

    def approve(self, call_id: str, approved: bool, **more: Any) -> Frame:
        return self._client._call(self._conversation.approve(call_id, approved, **more))
