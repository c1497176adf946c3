"""The client against a server of this test that says one thing wrong at a time."""

import asyncio
import json
import unittest
from typing import Any, Awaitable, Callable, List

import websockets

from parley_client import Client, ClosedError


async def with_server(odd: List[str], work: Callable[[str], Awaitable[None]], close_code: int = 0) -> None:
    """A server that lets everybody in and accepts every message; it says ``odd`` first."""

    async def serve(socket: Any, _path: str = "") -> None:
        if close_code:
            return await socket.close(close_code, "no more")
        await socket.send(json.dumps({"type": "welcome"}))
        for text in odd:
            await socket.send(text)
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "auth":
                await socket.send(json.dumps({"type": "auth_success", "user": {"id": "anna"}}))
            if frame["type"] == "message":
                answer = {"type": "accepted", "turn_id": "t1", "message_id": "t1-u", "position": 0}
                await socket.send(json.dumps({**answer, "id": frame["id"], "conversation_id": frame["conversation_id"]}))

    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        await work(f"ws://127.0.0.1:{list(server.sockets)[0].getsockname()[1]}")


class Robustness(unittest.IsolatedAsyncioTestCase):
    async def test_a_token_that_cannot_be_had_is_asked_for_again(self) -> None:
        asked: List[int] = []

        def token() -> str:
            asked.append(1)
            if len(asked) < 3:
                raise RuntimeError("the provider is away")
            return "good"

        async def work(url: str) -> None:
            async with Client(url, token, least_s=0.01, most_s=0.02) as client:
                accepted = await asyncio.wait_for(client.conversation("c").send("hi"), 5)
                self.assertEqual(accepted["turn_id"], "t1")

        await with_server([], work)
        self.assertEqual(len(asked), 3)

    async def test_frames_that_cannot_be_read_are_passed_over(self) -> None:
        odd = ["no JSON", "[1]", "7", '{"type": "going_away"}', '{"type": "token", "conversation_id": "c", "seq": 1}']

        async def work(url: str) -> None:
            async with Client(url, "good") as client:
                chat = client.conversation("c")
                self.assertEqual((await asyncio.wait_for(chat.send("hi"), 5))["turn_id"], "t1")

        await with_server(odd, work)

    async def test_a_close_for_good_is_told_to_who_waits(self) -> None:
        async def work(url: str) -> None:
            client = Client(url, "bad", least_s=0.01)
            with self.assertRaises(ClosedError) as raised:
                await asyncio.wait_for(client.connect(), 5)
            self.assertEqual(raised.exception.close_code, 4500)

        await with_server([], work, close_code=4500)


if __name__ == "__main__":
    unittest.main()
