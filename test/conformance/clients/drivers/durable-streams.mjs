// The client of @durable-streams/client reads a stream and says each message, with the offset behind it.
import { stream } from "@durable-streams/client";

const { url, token, offset = "-1", live, until } = JSON.parse(process.argv[2]);
const say = (type, fields = {}) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);

try {
  const response = await stream({
    url,
    offset,
    live,
    headers: { authorization: `Bearer ${token}` },
    backoffOptions: { initialDelay: 50, maxDelay: 500, multiplier: 2 },
  });
  say("ready", { status: response.status });
  const finished = new Promise((resolve) => {
    response.subscribeJson(({ items, offset: at, upToDate }) => {
      for (const item of items) say("item", { item });
      say("batch", { offset: at, upToDate, count: items.length });
      if (items.some((item) => until !== undefined && item.type === until)) resolve();
    });
    response.closed.then(resolve, (error) => {
      say("broken", { message: String(error.message) });
      resolve();
    });
  });
  await finished;
  say("done", { offset: response.offset });
} catch (error) {
  say("failed", { name: error.constructor.name, status: error.status, message: String(error.message) });
}
process.exit(0);
