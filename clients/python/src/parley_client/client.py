"""The client for asyncio: one connection that comes back, and conversations that resume on it."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import random
import secrets
from typing import Any, AsyncIterator, Awaitable, Callable, Coroutine, Dict, List, Optional, Set, TypeVar, Union

import websockets
import websockets.exceptions

from .errors import ClosedError, ParleyError
from .fold import Frame, Turn, View, fold

T = TypeVar("T")
_log = logging.getLogger("parley_client")
Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]

#: Close codes of this range say that coming back is of no use (docs/protocol.md).
_FINAL_CLOSES = range(4500, 5000)
_MAX_MESSAGE_BYTES = 32 * 1024 * 1024
_LEAST_S, _MOST_S = 0.5, 20.0
#: A connection that has lasted so long counts as a good one.
_GOOD_AFTER_S = 10.0
_MOST_UNSENT = 256


class Client:
    """Talks to one edge address for one user. Use it as an async context manager, or call ``connect`` and ``close``.

    ``token``: an access token or API key, or a function (also a coroutine) that gives one for each connection; None where none is asked for.
    """

    def __init__(self, url: str, token: Optional[Token] = None, *, least_s: float = _LEAST_S, most_s: float = _MOST_S) -> None:
        self._url, self._token = url, token
        self._least_s, self._most_s = least_s, most_s
        self._conversations: Dict[str, Conversation] = {}
        self._socket: Optional[Any] = None
        self._ready = asyncio.Event()
        self._running: Optional["asyncio.Task[None]"] = None
        self._closed: Optional[ClosedError] = None
        self._reconnect_s: Optional[float] = None

    async def __aenter__(self) -> "Client":
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Returns once the server has let us in, which may take several connections. Raises ClosedError when it never will."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        self._check_open()

    async def close(self) -> None:
        """Lets go. Turns go on; nothing is cancelled."""
        self._end(ClosedError("The client was closed."))
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def conversation(self, conversation_id: Optional[str] = None) -> "Conversation":
        """A conversation by its id; without one a new one, whose id nobody can guess."""
        name = conversation_id or f"c_{secrets.token_urlsafe(16)}"
        if name not in self._conversations:
            self._conversations[name] = Conversation(self, name)
        return self._conversations[name]

    def _check_open(self) -> None:
        if self._closed is not None:
            raise self._closed

    async def _run(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop()
        while self._closed is None:
            began = clock.time()
            try:
                await self._live()
            except websockets.exceptions.ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code in _FINAL_CLOSES:
                    reason = closed.rcvd.reason or "The server closed the connection for good."
                    return self._end(ClosedError(reason, closed.rcvd.code))
            except ParleyError as refused:
                if not refused.retryable:
                    return self._end(ClosedError(str(refused)))
            except Exception as failure:  # no network, no token, no WebSocket there: each may be over a moment later
                _log.debug("The connection failed: %r", failure)
            finally:
                self._lost()
            failures = 0 if clock.time() - began > _GOOD_AFTER_S else failures + 1
            await asyncio.sleep(self._delay_s(failures))

    def _delay_s(self, failures: int) -> float:
        """Full jitter, so that those who lost an edge together do not come back together."""
        asked, self._reconnect_s = self._reconnect_s, None
        if asked is not None:
            return asked
        return random.uniform(0, min(self._most_s, self._least_s * 2 ** min(failures, 10)))

    async def _live(self) -> None:
        token = self._token() if callable(self._token) else self._token
        if inspect.isawaitable(token):
            token = await token
        protocols = [websockets.Subprotocol("parley.v1")]
        async with websockets.connect(self._url, subprotocols=protocols, max_size=_MAX_MESSAGE_BYTES) as socket:
            if token is not None:
                await socket.send(json.dumps({"type": "auth", "token": token, "knows": ["unknown"]}))
            async for text in socket:
                try:
                    await self._take(socket, json.loads(text), token is None)
                except (KeyError, TypeError, ValueError, AttributeError):  # a frame that is none of ours: the next one may be
                    _log.warning("A frame could not be read.", exc_info=True)
            # It ended without a word: as any lost connection.

    async def _take(self, socket: Any, frame: Frame, is_open: bool) -> None:
        kind = frame.get("type")
        if kind == "auth_error":
            raise ParleyError.of(frame)
        if kind == "auth_success" or (kind == "welcome" and is_open):
            await self._enter(socket)
        elif kind == "going_away":
            self._reconnect_s = frame["reconnect_after_ms"] / 1000
        elif frame.get("conversation_id") in self._conversations:
            await self._conversations[frame["conversation_id"]]._take(frame)

    async def _enter(self, socket: Any) -> None:
        if self._socket is not None:
            return
        self._socket = socket
        for conversation in list(self._conversations.values()):
            await conversation._resume()
        self._ready.set()

    async def _send(self, frame: Dict[str, Any]) -> None:
        """Nothing is sent while there is no connection: what must not be lost is sent again on the next one."""
        socket = self._socket
        if socket is None:
            return
        try:
            await socket.send(json.dumps(frame))
        except websockets.exceptions.ConnectionClosed:
            pass

    def _lost(self) -> None:
        self._socket = None
        self._ready.clear()
        for conversation in self._conversations.values():
            conversation._lost()

    def _end(self, reason: ClosedError) -> None:
        if self._closed is None:
            self._closed = reason
        self._ready.set()
        for conversation in self._conversations.values():
            conversation._close(self._closed)


class Conversation:
    """One conversation, as its viewer has it: ``view`` is the fold of all frames so far. Made by ``Client.conversation``."""

    def __init__(self, client: Client, conversation_id: str) -> None:
        self.id = conversation_id
        self.view = View(conversation_id)
        self._client = client
        self._changed = asyncio.Event()
        #: What was sent and not answered: by the id of the message.
        self._unsent: Dict[str, Dict[str, Any]] = {}
        self._accepted: Dict[str, "asyncio.Future[Frame]"] = {}
        #: Frames that are asked again on each connection until they are answered: by what they are about.
        self._asked: Dict[str, Dict[str, Any]] = {}
        self._answers: Dict[str, "asyncio.Future[Frame]"] = {}
        self._wanted = False
        self._attached = False
        self._asked_after = 0
        self._refused: Optional[ParleyError] = None
        self._timers: Set[asyncio.TimerHandle] = set()
        self._tasks: "Set[asyncio.Task[None]]" = set()

    async def subscribe(self) -> None:
        """Asks for what the view does not have, and for all that follows, also on later connections. Returns when the view is begun."""
        self._wanted, self._refused = True, None
        await self._ask()
        await self._until(lambda: self._attached or None)

    async def send(self, message: str, *, id: Optional[str] = None, **more: Any) -> Frame:
        """Sends a message; returns the frame ``accepted``. It is sent again on each connection until then: the same ``id`` is the same turn.

        ``more``: ``agent``, ``model``, ``on_busy``, ``metadata`` of docs/protocol.md. Raises ParleyError when it is refused.
        """
        self._client._check_open()
        if len(self._unsent) >= _MOST_UNSENT:
            raise ParleyError("Too many messages wait to be sent.", "QUEUE_FULL", True)
        name = id or secrets.token_urlsafe(12)
        frame = {"type": "message", "id": name, "conversation_id": self.id, "message": message, **more}
        answer: "asyncio.Future[Frame]" = asyncio.get_running_loop().create_future()
        self._unsent[name], self._accepted[name] = frame, answer
        # A view that has a cursor resumes first: what is sent before would bring later events first.
        if self._attached or not self._wanted or self.view.seq == 0:
            await self._client._send(frame)
        try:
            return await answer
        finally:
            self._unsent.pop(name, None)
            self._accepted.pop(name, None)

    async def ask(self, message: str, **more: Any) -> Turn:
        """Sends a message and waits for the end of its turn. An error of the turn is in its ``outcome``; nothing is raised for it."""
        return await self.until_end((await self.send(message, **more))["turn_id"])

    async def until_end(self, turn_id: str) -> Turn:
        """Waits for the end of a turn that is, or will be, in the view."""

        def ended() -> Optional[Turn]:
            turn = self.view.turn(turn_id)
            return turn if turn is not None and turn.outcome is not None else None

        return await self._until(ended)

    async def changes(self) -> AsyncIterator[View]:
        """The view, now and after each change. Changes that come while the caller is busy are told as one."""
        seen: Optional[View] = None
        while True:
            if self.view is not seen:
                seen = self.view
                yield seen
            else:
                await self._next()

    async def tokens(self, turn_id: str) -> AsyncIterator[str]:
        """What comes of the text of a turn, to its end. Raises ParleyError when a restart takes back what was told already."""
        told = ""
        async for view in self.changes():
            turn = view.turn(turn_id)
            if turn is None:
                continue
            if not turn.text.startswith(told):
                if turn.outcome is None and told.startswith(turn.text):
                    continue
                raise ParleyError("The answer begins anew, and says something else.", "WORKER_LOST", True)
            if turn.text != told:
                more, told = turn.text[len(told) :], turn.text
                yield more
            if turn.outcome is not None:
                return

    async def cancel(self, turn_id: Optional[str] = None) -> None:
        """Stops a turn (default: the one that runs). Its end follows in the view."""
        frame = {"type": "cancel", "conversation_id": self.id, **({} if turn_id is None else {"turn_id": turn_id})}
        await self._client._ready.wait()
        self._client._check_open()
        await self._client._send(frame)

    async def approve(self, call_id: str, approved: bool, **more: Any) -> Frame:
        """Decides on a call that waits for a person; returns the decision that counts. ``more``: ``reason``, ``confirm``, ``content``, ``like_ms``."""
        frame = {"type": "approve", "conversation_id": self.id, "call_id": call_id, "approved": approved, **more}
        answer: "asyncio.Future[Frame]" = asyncio.get_running_loop().create_future()
        self._asked[call_id], self._answers[call_id] = frame, answer
        await self._client._send(frame)
        try:
            return await answer
        finally:
            self._asked.pop(call_id, None)
            self._answers.pop(call_id, None)

    async def _ask(self) -> None:
        self._asked_after = self.view.seq
        after = {} if self.view.seq == 0 else {"after": self.view.seq}
        await self._client._send({"type": "subscribe", "conversation_id": self.id, **after})

    async def _resume(self) -> None:
        if self._wanted:
            await self._ask()
        if not self._wanted or self.view.seq == 0:
            await self._send_again()

    async def _send_again(self) -> None:
        for frame in [*self._unsent.values(), *self._asked.values()]:
            await self._client._send(frame)

    async def _take(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "accepted":
            self._wanted = self._attached = True
            _settle(self._accepted.get(frame["id"]), frame)
        elif kind == "subscribed":
            if frame["seq"] == 0 or frame["seq"] < self._asked_after:
                self.view = View(self.id)
            self._attached = True
            if self._asked_after > 0:
                await self._send_again()
        elif kind == "decision":
            _settle(self._answers.get(frame["call_id"]), frame)
        elif kind == "error" and "turn_id" not in frame:
            self._refuse(frame)
        else:
            self.view = fold(self.view, frame)
        self._wake()

    def _refuse(self, frame: Frame) -> None:
        error, asked = ParleyError.of(frame), frame.get("frame")
        if asked == "message":
            self._refuse_or_wait(frame.get("id"), error)
        elif asked == "approve":
            _fail(self._answers.get(frame.get("call_id", "")), error)
        elif asked == "subscribe":
            if error.retryable:
                self._later(error, self._ask)
            else:
                self._wanted, self._refused = False, error
                self._start(self._send_again())

    def _refuse_or_wait(self, name: Optional[str], error: ParleyError) -> None:
        """The edge that stops, or has lost its broker for a moment, refuses what will be taken a moment later."""
        frame = self._unsent.get(name or "")
        if frame is not None and error.code in ("OVERLOADED", "SHUTTING_DOWN"):
            self._later(error, lambda: self._client._send(frame))
        else:
            _fail(self._accepted.get(name or ""), error)

    def _later(self, error: ParleyError, again: Callable[[], Coroutine[Any, Any, None]]) -> None:
        delay_s = (error.retry_after_ms or 0) / 1000 + random.uniform(0, 1)

        def fire() -> None:
            self._timers.discard(timer)
            self._start(again())

        timer = asyncio.get_running_loop().call_later(delay_s, fire)
        self._timers.add(timer)

    def _start(self, work: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until(self, look: Callable[[], Optional[T]]) -> T:
        while True:
            self._client._check_open()
            if self._refused is not None:
                raise self._refused
            found = look()
            if found is not None:
                return found
            await self._next()

    async def _next(self) -> None:
        self._client._check_open()
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _lost(self) -> None:
        self._attached = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _close(self, reason: ClosedError) -> None:
        self._lost()
        for answer in [*self._accepted.values(), *self._answers.values()]:
            _fail(answer, reason)
        self._wake()


def _settle(answer: "Optional[asyncio.Future[Frame]]", frame: Frame) -> None:
    if answer is not None and not answer.done():
        answer.set_result(frame)


def _fail(answer: "Optional[asyncio.Future[Frame]]", error: Exception) -> None:
    if answer is not None and not answer.done():
        answer.set_exception(error)


__all__: List[str] = ["Client", "Conversation"]
