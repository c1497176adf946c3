import { createInterface } from "node:readline";

// One request of OpenAI's client: its chunks and its end as lines of JSON. `{"type":"abort"}` on standard input closes it.
const { client: name, baseURL, apiKey, how, body, options = {}, maxRetries = 2 } = JSON.parse(process.argv[2]);
const { default: OpenAI } = await import(name);

const say = (type, more = {}) => process.stdout.write(`${JSON.stringify({ type, ...more })}\n`);
const tries = [];
const openai = new OpenAI({
  baseURL,
  apiKey,
  maxRetries,
  fetch: async (url, init) => {
    tries.push(new Headers(init.headers).get("x-stainless-retry-count"));
    say("try", { count: tries.length });
    const response = await fetch(url, init);
    say("headers", { status: response.status, conversation: response.headers.get("x-parley-conversation") });
    return response;
  },
});
const controller = new AbortController();
createInterface({ input: process.stdin }).on("line", (line) => {
  if (JSON.parse(line).type === "abort") controller.abort();
});
const sent = { ...options, signal: controller.signal };

const ways = {
  async models() {
    const models = [];
    for await (const model of openai.models.list()) models.push(model.id);
    say("end", { models, one: await openai.models.retrieve(models[0]) });
  },
  async plain() {
    const completion = await openai.chat.completions.create(body, sent);
    say("end", { completion, tries });
  },
  async raw() {
    const stream = await openai.chat.completions.create({ ...body, stream: true }, sent);
    for await (const chunk of stream) say("chunk", { chunk });
    say("end", { tries });
  },
  async helper() {
    const runner = openai.chat.completions.stream(body, sent);
    runner.on("content", (delta) => say("content", { delta }));
    const completion = await runner.finalChatCompletion();
    say("end", { completion, usage: await runner.totalUsage() });
  },
  async tools() {
    const called = [];
    const runner = openai.chat.completions.runTools(
      {
        ...body,
        tools: body.tools.map((tool) => ({
          ...tool,
          function: {
            ...tool.function,
            parse: JSON.parse,
            function: (args) => {
              called.push({ name: tool.function.name, args });
              return `It is 12 degrees in ${args.city}.`;
            },
          },
        })),
      },
      sent,
    );
    say("end", { text: await runner.finalContent(), called, messages: runner.messages });
  },
};

try {
  await ways[how]();
} catch (error) {
  const { status, code, type: kind, param, message } = error;
  say("error", {
    name: error.constructor.name,
    status,
    code,
    kind,
    param,
    message,
    tries,
    aborted: controller.signal.aborted,
  });
}
process.exit(0);
