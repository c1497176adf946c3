import { eventually, type Service } from "@parley/testkit";
import { subjects } from "@parley/protocol";
import { expect, it } from "vitest";
import { expectSoundChain } from "./chain-check.ts";
import { startHoldingProxy } from "./holding-proxy.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** Far longer than a test: a turn that comes to another worker was given back, not missed. */
const patient = { ACK_WAIT_MS: "60000", JANITOR_MS: "600000" };

/** In a stream that is empty nobody can tell whether events of a turn were forgotten. */
async function startUsedWorkbench(): Promise<Workbench> {
  const bench = await startWorkbench();
  const { events } = bench.bus;
  const [conversation_id, turn_id] = ["c_before", "before"];
  const event = {
    type: "message" as const,
    conversation_id,
    turn_id,
    ts: 1,
    message_id: "m",
    id: "m",
    author: { role: "user", id: "tester" },
    message: "earlier",
  };
  await events.writeOnce(subjects.user(events.shardOf(conversation_id), conversation_id, turn_id), event);
  // By more than the clocks of brokers may be apart.
  const writtenMs = performance.now();
  await expect.poll(() => performance.now() - writtenMs, { timeout: 5_000 }).toBeGreaterThan(1_100);
  return bench;
}

async function untilStopping({ adminPort }: Service): Promise<void> {
  const said = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).text();
  await eventually(async () => /stopping/.test(await said()), { what: "the worker that stops" });
}

/** A worker that has been given a turn and waits for the broker's word on its place in the conversation; and another one. */
async function caughtInLookUp(bench: Workbench, proxyUrl: string, held: Promise<void>) {
  const caught = await bench.addWorker({ ...patient, NATS_URL: proxyUrl });
  const turn = await bench.ask("hello", { isUnmarked: true });
  await held;
  await bench.addWorker(patient);
  return { caught, turn };
}

it.each(["comes after SIGTERM", "never comes"])(
  "claims nothing once it stops and gives back at once what it was given, when the broker's answer %s",
  async (answer) => {
    await using bench = await startUsedWorkbench();
    await using proxy = await startHoldingProxy(bench.nats.port);
    const held = proxy.holdAfter("DIRECT.GET.TURNS");
    const { caught, turn } = await caughtInLookUp(bench, proxy.url, held);
    const stopped = caught.kill("SIGTERM");
    await untilStopping(caught);
    if (answer === "comes after SIGTERM") proxy.release();
    expect((await bench.ended(turn)).type).toBe("complete");
    await stopped;
    proxy.release();
    const events = (await bench.events(turn)).map(({ event }) => event);
    expect(events.filter(({ type }) => type === "claimed" || type === "released")).toHaveLength(1);
    expectSoundChain(events);
  },
);

it("gives back at once what the broker sent it while it stopped", async () => {
  await using bench = await startUsedWorkbench();
  await using proxy = await startHoldingProxy(bench.nats.port);
  const pulled = proxy.holdAfter("CONSUMER.MSG.NEXT.TURNS");
  const caught = await bench.addWorker({ ...patient, NATS_URL: proxy.url });
  await pulled;
  const turn = await bench.ask("hello");
  // The broker has given it away, but the word is on its way.
  await expect.poll(async () => (await bench.bus.turns.backlog()).delivered, { timeout: 10_000 }).toBe(1);
  await bench.addWorker(patient);
  const stopped = caught.kill("SIGTERM");
  await untilStopping(caught);
  proxy.release();
  expect((await bench.ended(turn)).type).toBe("complete");
  await stopped;
  expectSoundChain((await bench.events(turn)).map(({ event }) => event));
});
