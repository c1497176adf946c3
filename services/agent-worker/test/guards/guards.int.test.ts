import { randomUUID } from "node:crypto";
import { cp, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectSoundChain, textOf } from "../chain-check.ts";
import { startWorkbench, type Workbench } from "../workbench.ts";

const shipped = fileURLToPath(new URL("../../../../config/agents", import.meta.url));

let bench: Workbench;
let folder: TempDir;
let provider: Server;
/** What the endpoint says of a text; undefined: it is down. */
let flags: ((text: string) => boolean) | undefined = () => false;
const moderated: string[] = [];
/** The endpoint takes the question and says nothing. */
let isSilent = false;
/** Questions that it has not answered, and that nobody has given up. */
let unanswered = 0;
/** What the model was asked. */
let asked = "";

const guards = `
guards:
  - name: house
    rules: ["forbidden thing", "/w1[0-9] w/"]
    sentence: The house rules say no.
  - name: endpoint-closed
    endpoint: { model: m }
    every_chars: 100
    on_failure: closed
  - name: endpoint-open
    endpoint: {}
    on_failure: open
`;

/** The simulated model, with a moderation endpoint beside it. */
function startProvider(modelPort: number): Promise<Server> {
  const server = createServer((req, res) => {
    if (req.url !== "/v1/moderations") {
      const there = httpRequest(
        { port: modelPort, path: req.url, method: req.method, headers: req.headers },
        (answer) => {
          res.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(res);
        },
      );
      there.on("error", () => res.destroy());
      res.on("close", () => there.destroy());
      req.on("data", (part: Buffer) => (asked += part.toString()));
      req.pipe(there);
      return;
    }
    let body = "";
    req.on("data", (part: Buffer) => (body += part.toString()));
    req.on("end", () => {
      if (isSilent) {
        unanswered++;
        return void res.on("close", () => unanswered--);
      }
      if (flags === undefined) return void res.writeHead(503).end();
      const { input } = JSON.parse(body) as { input: string };
      moderated.push(input);
      res.setHeader("content-type", "application/json");
      res.end(JSON.stringify({ results: [{ flagged: flags(input) }] }));
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

beforeAll(async () => {
  bench = await startWorkbench();
  provider = await startProvider(bench.model.port);
  folder = await tempDir();
  const file = (name: string): string => path.join(folder.path, name);
  await cp(shipped, file("agents"), { recursive: true });
  await writeFile(file("guards.yaml"), guards);
  for (const [name, guard] of [
    ["ruled", "house"],
    ["closed", "endpoint-closed"],
    ["open", "endpoint-open"],
  ]) {
    const agent = { name, description: "x", examples: [], system_prompt: "Help.", guards: [guard] };
    await writeFile(file(`agents/${name}.yaml`), JSON.stringify(agent));
  }
  const masked = { name: "masked", description: "x", examples: [], system_prompt: "Help.", mask_before_provider: true };
  await writeFile(file("agents/masked.yaml"), JSON.stringify(masked));
  const { port } = provider.address() as AddressInfo;
  await bench.addWorker({
    ...{ AGENTS_DIR: file("agents"), GUARDS_FILE: file("guards.yaml") },
    OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
  });
}, 240_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  provider.close();
  await folder[Symbol.asyncDispose]();
});

it("a message that a rule knows is not answered, and no model gets it, now or later", async () => {
  const conversation = `c_${randomUUID()}`;
  const turn = await bench.ask("Tell me of the Forbidden  thing", { agent: "ruled", conversation });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "BLOCKED", error: "The house rules say no.", retryable: false });
  expect(end.response).toBe("");
  const url = `http://127.0.0.1:${bench.model.port}/sim/requests`;
  expect(await (await fetch(url)).text()).not.toContain(turn.turn_id);
  const next = await bench.ask("hello", { agent: "ruled", conversation });
  expect(await bench.ended(next)).toMatchObject({ type: "complete" });
});

it("an answer that a rule knows stops there, and what was shown is taken back", async () => {
  const turn = await bench.ask("hello", { agent: "ruled", sim: "tokens=200 rate=20" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "BLOCKED", response: "" });
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(textOf(events)).toBe("");
  const told = events.flatMap((event) => (event.type === "token" ? event.token : "")).join("");
  expect(told).toContain("w1 ");
  expect(told).not.toMatch(/w1[0-9] w/);
  expectSoundChain(events);
});

it("asks the endpoint before and while it answers, and stops within twice as many characters", async () => {
  moderated.length = 0;
  flags = (text) => text.includes("w50 ");
  const turn = await bench.ask("hello", { agent: "closed", sim: "tokens=500 rate=200" });
  expect(await bench.ended(turn)).toMatchObject({ type: "error", code: "BLOCKED", response: "" });
  expect(moderated[0]).toContain("hello");
  const events = (await bench.events(turn)).map(({ event }) => event);
  const told = events.flatMap((event) => (event.type === "token" ? event.token : "")).join("");
  const from = told.indexOf("w50 ");
  expect(from === -1 ? 0 : told.length - from).toBeLessThanOrEqual(200);
  flags = (text) => text.includes("w39");
  const late = await bench.ended(await bench.ask("hello", { agent: "closed", sim: "tokens=40 rate=0" }));
  expect(late).toMatchObject({ type: "error", code: "BLOCKED", response: "" });
  // The provider has said what it costs.
  expect(late.usage.output_tokens).toBeGreaterThan(30);
  flags = () => false;
  const fine = await bench.ended(await bench.ask("hello", { agent: "closed", sim: "tokens=120 rate=0" }));
  expect(fine).toMatchObject({ type: "complete" });
  expect(fine.response).toContain("w119");
});

it("while the endpoint is down nothing passes, or all does, as it is set", async () => {
  flags = undefined;
  expect(await bench.ended(await bench.ask("hello", { agent: "closed" }))).toMatchObject({
    ...{ type: "error", code: "MODEL_UNAVAILABLE", retryable: true },
  });
  expect(await bench.ended(await bench.ask("hello", { agent: "open" }))).toMatchObject({ type: "complete" });
  flags = () => false;
});

it.each([
  ["its question", async () => void (isSilent = true), "tokens=5"],
  ["its answer", async () => {}, "tokens=400 rate=100"],
])(
  "a cancel while the endpoint looks at %s ends the turn at once, and closes the request",
  async (_what, before, sim) => {
    await before();
    const turn = await bench.ask("hello", { agent: "closed", sim });
    if (!isSilent) await bench.seen(turn, ({ type }) => type === "token");
    isSilent = true;
    await eventually(() => unanswered === 1, { what: "a question to the endpoint" });
    const atMs = Date.now();
    await bench.cancel(turn);
    const end = await bench.ended(turn);
    expect(end).toMatchObject({ type: "cancelled" });
    expect(end.ts - atMs).toBeLessThan(1_000);
    await eventually(() => unanswered === 0, { what: "the end of that request" });
    isSilent = false;
  },
);

it("an answer of nothing has the whole sentence that stands in its place", async () => {
  for (const agent of ["ruled", "closed"]) {
    const end = await bench.ended(await bench.ask("hello", { agent, sim: "tokens=0" }));
    expect(end).toMatchObject({ type: "complete", response: "The language model gave no answer." });
  }
});

it("the provider of an agent that masks gets no mail address and no number of a card, in no turn", async () => {
  asked = "";
  const conversation = `c_${randomUUID()}`;
  const message = "I am ann@example.org and pay with 4111 1111 1111 1111.";
  const first = await bench.ask(message, { agent: "masked", conversation });
  expect(await bench.ended(first)).toMatchObject({ type: "complete" });
  expect(await bench.ended(await bench.ask("And now?", { agent: "masked", conversation }))).toMatchObject({
    type: "complete",
  });
  expect(asked).toMatch(/I am \[mail-1-[0-9a-f]{8}\] and pay with \[card-1-[0-9a-f]{8}\]/);
  expect(asked).not.toContain("ann@example.org");
  expect(asked).not.toContain("4111");
  const { turns } = await bench.bus.transcripts.tail(conversation, { limit: 10 });
  expect(turns[0]?.question?.message).toBe(message);
});
