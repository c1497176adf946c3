import { createInterface } from "node:readline";

// One request of OpenAI's client to its Responses: its events and its end as lines of JSON. `{"type":"abort"}` on standard input closes it.
const {
  client: name,
  baseURL,
  apiKey,
  how,
  path,
  args = [],
  cutAfter = Infinity,
  maxRetries = 2,
} = JSON.parse(process.argv[2]);
const { default: OpenAI } = await import(name);

const say = (type, more = {}) => process.stdout.write(`${JSON.stringify({ type, ...more })}\n`);
const openai = new OpenAI({
  baseURL,
  apiKey,
  maxRetries,
  fetch: async (url, init) => {
    const response = await fetch(url, init);
    say("headers", { status: response.status, retry: new Headers(init.headers).get("x-stainless-retry-count") });
    return response;
  },
});
const controller = new AbortController();
createInterface({ input: process.stdin }).on("line", (line) => {
  if (JSON.parse(line).type === "abort") controller.abort();
});
const options = { signal: controller.signal };

const ways = {
  /** `path`: the method; its arguments as they are. */
  async call() {
    const [method, owner] = [path.at(-1), path.slice(0, -1).reduce((of, key) => of[key], openai)];
    const result = await owner[method](...args);
    say("end", { result: result ?? null, items: result?.data });
  },
  /** Events as they come: of `create`, or of `retrieve` with its query. */
  async raw() {
    const [first, query] = args;
    const stream =
      typeof first === "string"
        ? await openai.responses.retrieve(first, { ...query, stream: true }, options)
        : await openai.responses.create({ ...first, stream: true }, options);
    let count = 0;
    for await (const event of stream) {
      say("event", { event });
      if (++count >= cutAfter) {
        stream.controller.abort();
        break;
      }
    }
    say("end", { count });
  },
  async helper() {
    const stream = openai.responses.stream(...args);
    stream.on("event", (event) => say("event", { event }));
    const response = await stream.finalResponse();
    say("end", { result: response, text: response.output_text });
  },
};

try {
  await ways[how]();
} catch (error) {
  const { name: kind, message, status, code, param } = error;
  say("error", { name: kind, message, status, code, param });
}
process.exit(0);
