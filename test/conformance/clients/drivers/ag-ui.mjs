import { createInterface } from "node:readline";

// A client of AG-UI, `@ag-ui/client` in the version that is asked for. Commands are lines of JSON: `ask`, `run` (nothing new), `resume`, `turnAway` (both at once), `abort`, `at` (another address), `end`.
// Each run prints what happens, and at its end what the client has as `run-<n>`.

const { version, url, token, threadId, messages = [] } = JSON.parse(process.argv[2]);
const { HttpAgent } = await import(`@ag-ui/client-${version}`);

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// Its complaints about what it does not know.
console.warn = (...words) => print({ type: "warning", text: words.map(String).join(" ") });
console.error = () => {};
// A reset of a connection after the run has failed comes twice.
process.on("unhandledRejection", (error) => print({ type: "unhandled", text: String(error) }));

const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
const agent = new HttpAgent({ url, headers, threadId, initialMessages: messages });
let runs = 0;
agent.subscribe({
  onEvent: ({ event }) => print({ type: "event", run: runs, event }),
  onTextMessageContentEvent: ({ event, textMessageBuffer }) =>
    print({ type: "text", run: runs, length: textMessageBuffer.length + event.delta.length }),
});

async function run(parameters = {}) {
  const n = ++runs;
  let error;
  try {
    await agent.runAgent(parameters);
  } catch (thrown) {
    error = String(thrown);
  }
  const { messages: has, pendingInterrupts: interrupts } = agent;
  print({ type: `run-${n}`, ok: error === undefined, error, messages: has, interrupts });
}

const commands = {
  ask({ id, text }) {
    agent.messages.push({ id, role: "user", content: text });
    return run();
  },
  run: () => run(),
  resume: ({ resume }) => run({ resume }),
  turnAway({ resume, id, text }) {
    agent.messages.push({ id, role: "user", content: text });
    return run({ resume });
  },
  abort: () => agent.abortRun(),
  at({ url: other }) {
    agent.url = other;
  },
  end: () => process.exit(0),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { do: name, ...rest } = JSON.parse(line);
  void commands[name](rest);
});
print({ type: "ready" });
