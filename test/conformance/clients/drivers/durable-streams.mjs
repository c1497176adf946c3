// The client of @durable-streams/client reads a stream and says each message, with the offset behind it. When it breaks, it goes on from the last offset.
import { stream } from "@durable-streams/client";

const { url, token, offset = "-1", live, until } = JSON.parse(process.argv[2]);
const say = (type, fields = {}) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
const headers = { authorization: `Bearer ${token}` };
const backoffOptions = { initialDelay: 50, maxDelay: 500, multiplier: 2 };

let at = offset;
let isOver = false;

async function readOnce() {
  const response = await stream({ url, offset: at, live, headers, backoffOptions });
  say("ready", { status: response.status });
  if (live === false) {
    for (const item of await response.json()) say("item", { item });
    at = response.offset;
    isOver = true;
    return;
  }
  await new Promise((resolve, reject) => {
    response.subscribeJson(({ items, offset: behind, upToDate }) => {
      for (const item of items) say("item", { item });
      at = behind;
      say("batch", { offset: behind, upToDate, count: items.length });
      if (items.some(({ type }) => type === until)) {
        isOver = true;
        resolve();
      }
    });
    response.closed.then(resolve, reject);
  });
}

while (!isOver) {
  try {
    await readOnce();
  } catch (error) {
    say("broken", { name: error.constructor.name, status: error.status, message: String(error.message) });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
say("done", { offset: at });
process.exit(0);
