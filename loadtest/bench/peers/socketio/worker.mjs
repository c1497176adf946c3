import { Emitter } from "@socket.io/redis-emitter";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import OpenAI from "openai";

const { MODEL_URL, REDIS_URL } = process.env;
const QUEUE = "answers";
/** More than anybody asks at once: what bounds this system is the processor. */
const concurrency = 2_000;

const model = new OpenAI({ baseURL: MODEL_URL, apiKey: "bench" });
const emitter = new Emitter(new Redis(REDIS_URL));

async function answer({ data }) {
  const room = emitter.to(data.room);
  room.emit("event", { type: "start" });
  const stream = await model.chat.completions.create({
    model: "bench",
    stream: true,
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: data.text },
    ],
  });
  let text = "";
  for await (const chunk of stream) {
    const token = chunk.choices[0]?.delta.content ?? "";
    if (token === "") continue;
    text += token;
    room.emit("event", { type: "token", text: token });
  }
  room.emit("event", { type: "complete", text });
}

const worker = new Worker(QUEUE, answer, { connection: { url: REDIS_URL }, concurrency });
worker.on("error", (error) => console.error(error.message));
await worker.waitUntilReady();
// Whoever started it waits for this line.
console.log("ready");
