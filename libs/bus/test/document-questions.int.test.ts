import { documentReaders, subjects, type DocumentQuestion } from "@parley/protocol";
import { createLogger, sleep } from "@parley/runtime";
import { eventually, startNats, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBus, type Bus } from "../src/index.ts";

let nats: Broker;
let edge: Bus;
let worker: Bus;
const log = createLogger({ service: "test", level: "error", format: "pretty" });

beforeAll(async () => {
  nats = await startNats();
  [edge, worker] = await Promise.all([
    openBus({ servers: nats.url, name: "edge", log }),
    openBus({ servers: nats.url, name: "worker", log }),
  ]);
});
afterAll(async () => {
  await Promise.all([edge.close(), worker.close()]);
  await nats[Symbol.asyncDispose]();
});

const question: DocumentQuestion = { kind: "passage", user: { id: "ann" }, caller: { roles: [] }, id: "p1" };

it("a question that a worker took to its grave is answered by another one within seconds", async () => {
  let taken = 0;
  // It stands still for good: the broker goes on delivering to it.
  const frozen = worker.nc.subscribe(subjects.documentQuestion, {
    queue: documentReaders,
    callback: () => void taken++,
  });
  await worker.nc.flush();
  const startedMs = performance.now();
  const answer = edge.documentQuestions.ask(question, 45_000);
  await eventually(() => taken === 1, { what: "the question" });
  frozen.unsubscribe();
  const stop = worker.documentQuestions.answer(async () => ({ kind: "refused", why: "is tried" }));
  expect(await answer).toEqual({ kind: "refused", why: "is tried" });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  stop();
});

it("a worker that takes its time says so, and nobody else is asked", async () => {
  let asked = 0;
  const stop = worker.documentQuestions.answer(async () => {
    asked++;
    await sleep(5_000);
    return { kind: "refused", why: "is long" };
  });
  await worker.nc.flush();
  expect(await edge.documentQuestions.ask(question, 45_000)).toEqual({ kind: "refused", why: "is long" });
  expect(asked).toBe(1);
  stop();
});

it("an older edge, which knows no word of work, hears the answer alone", async () => {
  const stop = worker.documentQuestions.answer(async () => {
    await sleep(1_500);
    return { kind: "refused", why: "is long" };
  });
  await worker.nc.flush();
  const heard: string[] = [];
  const to = subjects.documentAnswer("older", "1");
  edge.nc.subscribe(to, { callback: (_error, message) => void heard.push(message.string()) });
  edge.nc.publish(subjects.documentQuestion, JSON.stringify(question), { reply: to });
  await eventually(() => heard.length > 0, { what: "the answer" });
  expect(heard).toEqual([JSON.stringify({ kind: "refused", why: "is long" })]);
  stop();
});
