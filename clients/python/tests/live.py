"""Drives the client against a running Parley for test/conformance/python.conformance.test.ts: prints a line of JSON for each thing that happens.

Argument: JSON with ``url``, ``token``, ``message``, ``style`` (``asyncio`` or ``sync``), ``conversation`` and ``approve`` or ``cancel_after`` if wanted.
"""

import asyncio
import json
import sys
import time
from typing import Any, Callable, Dict

from parley_client import Client, ParleyError, Turn
from parley_client.sync import Client as SyncClient
from parley_client.sync import Conversation


def say(kind: str, **more: Any) -> None:
    print(json.dumps({"type": kind, **more}), flush=True)


def tell_end(turn: Turn) -> None:
    assert turn.outcome is not None
    say(
        "end",
        status=turn.status,
        text=turn.text,
        parts=list(turn.parts),
        usage=turn.outcome.get("usage"),
        code=turn.outcome.get("code"),
        response=turn.outcome["response"],
    )


async def with_asyncio(wish: Dict[str, Any]) -> None:
    async with Client(wish["url"], wish["token"], least_s=0.05, most_s=0.5) as client:
        chat = client.conversation(wish.get("conversation"))
        accepted = await chat.send(wish["message"])
        turn_id = accepted["turn_id"]
        say("accepted", turn_id=turn_id, conversation=chat.id)
        async for view in chat.changes():
            turn = view.turn(turn_id)
            if turn is None:
                continue
            say("text", length=len(turn.text), status=turn.status)
            if turn.status == "waiting" and "approve" in wish:
                call = turn.pending_approvals[0]["call_id"]
                decision = await chat.approve(call, wish.pop("approve"))
                say("decided", approved=decision["approved"])
            if "cancel_after" in wish and len(turn.text) > wish["cancel_after"]:
                del wish["cancel_after"]
                await chat.cancel(turn_id)
            if turn.outcome is not None:
                break
        tell_end(await chat.until_end(turn_id))


def wait_for(chat: Conversation, turn_id: str, look: Callable[[Turn], bool]) -> Turn:
    while True:
        turn = chat.view.turn(turn_id)
        if turn is not None and (look(turn) or turn.outcome is not None):
            return turn
        time.sleep(0.02)


def with_threads(wish: Dict[str, Any]) -> None:
    with SyncClient(wish["url"], wish["token"], least_s=0.05, most_s=0.5) as client:
        chat = client.conversation(wish.get("conversation"))
        turn_id = chat.send(wish["message"], timeout_s=30)["turn_id"]
        say("accepted", turn_id=turn_id, conversation=chat.id)
        if "approve" in wish:
            call = wait_for(chat, turn_id, lambda turn: turn.status == "waiting").pending_approvals[0]["call_id"]
            say("decided", approved=chat.approve(call, wish["approve"])["approved"])
        if "cancel_after" in wish:
            wait_for(chat, turn_id, lambda turn: len(turn.text) > wish["cancel_after"])
            chat.cancel(turn_id)
        text = ""
        for token in chat.tokens(turn_id):
            text += token
            say("text", length=len(text), status="running")
        turn = chat.until_end(turn_id, timeout_s=30)
        assert turn.text == text, "what tokens() told is not the answer"
        tell_end(turn)


def main() -> None:
    wish = json.loads(sys.argv[1])
    try:
        if wish["style"] == "sync":
            with_threads(wish)
        else:
            asyncio.run(with_asyncio(wish))
    except ParleyError as error:
        say("refused", code=error.code, message=str(error))


main()
