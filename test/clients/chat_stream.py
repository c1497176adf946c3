"""The Python client that the document of seed C shows, in our words: what it sends, reads and gives up on is the same.

Arguments: address, token, message, session id. Prints one JSON object per step of the document's client.
"""

import asyncio
import json
import sys

import websockets


def say(**step):
    print(json.dumps(step), flush=True)


async def chat_stream(uri, token, text, session_id):
    async with websockets.connect(uri) as websocket:
        await websocket.send(json.dumps({"type": "auth", "token": token}))
        # The first frame must be the answer to `auth`, as in the document.
        first = json.loads(await websocket.recv())
        if first["type"] != "auth_success":
            say(step="authentication failed", frame=first)
            return
        say(step="authenticated")
        await websocket.send(json.dumps({"type": "message", "message": text, "session_id": session_id}))
        accumulated = ""
        async for message in websocket:
            data = json.loads(message)
            if data["type"] == "progress":
                say(step="progress", name=data["step"], message=data["message"])
            elif data["type"] == "token":
                accumulated += data["token"]
            elif data["type"] == "complete":
                say(step="complete", response=data["response"], agent=data["metadata"]["agent"], accumulated=accumulated)
                break
            elif data["type"] == "error":
                say(step="error", error=data["error"])
                break


asyncio.run(chat_stream(*sys.argv[1:5]))
