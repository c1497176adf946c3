import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import { encodeEvent, subjects, type ChainEvent, type StoredEvent, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** Words leave it open, and would rather have it from the technical data; the simulated model takes it for a fault. */
const openMessage = "wheel wobble at 120 km/h";
const withModel = { ROUTER: "model" };

interface Choosing {
  readonly url: string;
  /** Requests for an agent that have come. */
  asked(): number;
  /** Those that are kept from now on get no answer. */
  hold(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A provider before the simulated one, which can keep its requests for an agent. */
async function startChoosing(port: number): Promise<Choosing> {
  let [asked, isHolding] = [0, false];
  const server: Server = createServer((incoming, answer) => {
    const isChoice = String(incoming.headers["x-client-request-id"]).endsWith("-route");
    if (isChoice) asked++;
    if (isChoice && isHolding) return;
    const { url: path, method, headers } = incoming;
    const passed = httpRequest({ host: "127.0.0.1", port, path, method, headers }, (reply: IncomingMessage) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    asked: () => asked,
    hold: () => void (isHolding = true),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Progress = Extract<StoredEvent, { type: "progress" }>;

const isDecision = (event: StoredEvent): event is Progress =>
  event.type === "progress" && event.step === "agent_routing" && event.agent !== undefined;

async function decisionsOf(bench: Workbench, turn: TurnRequest): Promise<Progress[]> {
  return (await bench.events(turn)).map(({ event }) => event).filter(isDecision);
}

it("asks the model where words leave it open, tells viewers so, and who answers by which method", async () => {
  await using bench = await startWorkbench();
  await using model = await startChoosing(bench.model.port);
  await bench.addWorker({ ...withModel, OPENAI_BASE_URL: model.url });
  const turn = await bench.ask(openMessage);
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", metadata: { agent: "troubleshooting" } });
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(events).toContainEqual(expect.objectContaining({ message: "Asking a model which agent it is for" }));
  expect(await decisionsOf(bench, turn)).toMatchObject([
    { agent: "troubleshooting", method: "model", confidence: expect.any(Number) },
  ]);
  expect(model.asked()).toBe(1);
});

it("asks no model where words are sure, nor where the message names its agent", async () => {
  await using bench = await startWorkbench();
  await using model = await startChoosing(bench.model.port);
  await bench.addWorker({ ...withModel, OPENAI_BASE_URL: model.url });
  const turns = [
    await bench.ask("How do I change the cabin filter?"),
    await bench.ask(openMessage, { agent: "general" }),
  ];
  for (const turn of turns) await bench.ended(turn);
  expect(model.asked()).toBe(0);
});

it("goes on without a model that does not answer, within its deadline", async () => {
  await using bench = await startWorkbench();
  await using model = await startChoosing(bench.model.port);
  model.hold();
  await bench.addWorker({ ...withModel, OPENAI_BASE_URL: model.url, ROUTING_MODEL_MS: "300" });
  const turn = await bench.ask(openMessage);
  expect((await bench.ended(turn)).type).toBe("complete");
  const [decision] = await decisionsOf(bench, turn);
  expect(decision).toMatchObject({ agent: "specs", method: "lexical" });
  expect(model.asked()).toBe(1);
});

it("is asked once more by the worker that takes over from one that was killed before the answer", async () => {
  await using bench = await startWorkbench();
  await using held = await startChoosing(bench.model.port);
  await using model = await startChoosing(bench.model.port);
  held.hold();
  const first = await bench.addWorker({ ...withModel, OPENAI_BASE_URL: held.url, ROUTING_MODEL_MS: "60000" });
  const turn = await bench.ask(openMessage);
  await eventually(() => held.asked() === 1, { timeoutMs: 20_000, what: "the first request for an agent" });
  await first.kill("SIGKILL");
  await bench.addWorker({ ...withModel, OPENAI_BASE_URL: model.url });
  expect(await bench.ended(turn)).toMatchObject({
    type: "complete",
    attempt: 2,
    metadata: { agent: "troubleshooting" },
  });
  expect(await decisionsOf(bench, turn)).toHaveLength(1);
  expect(model.asked()).toBe(1);
});

it("is not asked again by the worker that takes over from one that was killed when its word was stored", async () => {
  await using bench = await startWorkbench();
  await using model = await startChoosing(bench.model.port);
  const env = { ...withModel, OPENAI_BASE_URL: model.url };
  const first = await bench.addWorker(env);
  const turn = await bench.ask(openMessage, { sim: "tokens=200 rate=20" });
  await bench.seen(turn, isDecision);
  await first.kill("SIGKILL");
  await bench.addWorker(env);
  expect(await bench.ended(turn)).toMatchObject({
    type: "complete",
    attempt: 2,
    metadata: { agent: "troubleshooting" },
  });
  expect(await decisionsOf(bench, turn)).toHaveLength(1);
  expect(model.asked()).toBe(1);
});

it("stays with what was decided where it would come out differently now", async () => {
  await using bench = await startWorkbench();
  await using model = await startChoosing(bench.model.port);
  const turn = await bench.ask(openMessage);
  const { conversation_id, turn_id } = turn;
  const subject = subjects.agent(bench.bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const at = (n: number) => ({ conversation_id, turn_id, attempt: 1, n, ts: Date.now() });
  const chosen = { step: "agent_routing", message: "The agent specs answers", agent: "specs", method: "model" };
  const chain: ChainEvent[] = [
    { type: "claimed", ...at(0), worker: "lost" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    { type: "progress", ...at(2), ...chosen, confidence: 0.8 },
  ];
  for (const event of chain) await bench.bus.events.append({ subject, data: encodeEvent(event) });
  await bench.addWorker({ ...withModel, OPENAI_BASE_URL: model.url });
  expect(await bench.ended(turn)).toMatchObject({ metadata: { agent: "specs", confidence: 0.8 } });
  expect(model.asked()).toBe(0);
});
