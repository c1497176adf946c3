import os

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai import AsyncOpenAI

app = FastAPI()
model = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="bench")


@app.websocket("/ws")
async def chat(socket: WebSocket) -> None:
    """One person: each question is answered here, in this process, from the model straight to the socket."""
    await socket.accept()
    await socket.send_json({"type": "ready"})
    try:
        async for question in socket.iter_json():
            await answer(socket, question["text"])
    except WebSocketDisconnect:
        pass


async def answer(socket: WebSocket, question: str) -> None:
    await socket.send_json({"type": "start"})
    stream = await model.chat.completions.create(
        model="bench",
        stream=True,
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": question},
        ],
    )
    text = ""
    async for chunk in stream:
        token = chunk.choices[0].delta.content if chunk.choices else None
        if not token:
            continue
        text += token
        await socket.send_json({"type": "token", "text": token})
    await socket.send_json({"type": "complete", "text": text})
