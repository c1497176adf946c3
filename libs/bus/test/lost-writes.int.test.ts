import { cp, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { openBus, type Bus, type Delivery, type TurnQueue } from "@parley/bus";
import type { TurnRequest } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNats, tempDir, type NatsServer } from "@parley/testkit";
import { expect, it } from "vitest";

const turn = (id: string, conversation = "c1"): TurnRequest => ({
  ...{ v: 1, turn_id: id, conversation_id: conversation, user: { id: "u" }, id },
  ...{ message_id: `${id}-u`, message: "hello", accepted_at: Date.now() },
});

async function pulled(turns: TurnQueue): Promise<Delivery | undefined> {
  let found: Delivery | undefined;
  await turns.pull(1, 2_000, (delivery) => (found = delivery));
  return found;
}

interface Bench {
  readonly bus: Bus;
  readonly nats: NatsServer;
  readonly store: string;
  readonly image: string;
}

/** A broker that has lost what it stored since the image was made, as after a power cut. */
async function losePower({ nats, store, image }: Bench): Promise<void> {
  await nats.kill("SIGKILL");
  await rm(path.join(store, "jetstream"), { recursive: true });
  await cp(path.join(image, "jetstream"), path.join(store, "jetstream"), { recursive: true });
  await nats.restart();
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  await using folder = await tempDir();
  const [store, image] = [path.join(folder.path, "store"), path.join(folder.path, "image")];
  await mkdir(store);
  await using nats = await startNats({ dir: store });
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const bus = await openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000 });
  try {
    nats.freeze();
    await cp(store, image, { recursive: true });
    nats.thaw();
    await work({ bus, nats, store, image });
  } finally {
    await bus.close();
  }
}

/** Once the broker answers again. */
async function submitted(bench: Bench, request: TurnRequest): Promise<number> {
  const submit = () => bench.bus.turns.submit(request);
  return (await eventually(submit, { what: "a turn that is queued", timeoutMs: 10_000 })).seq;
}

it("P1: an end that is told to a broker which has lost that turn takes no other one out of the queue", async () => {
  await withBench(async (bench) => {
    const { turns } = bench.bus;
    const lost = await submitted(bench, turn("lost"));
    const delivery = await pulled(turns);
    await losePower(bench);
    expect(await submitted(bench, turn("other", "c2"))).toBe(lost);
    expect(await eventually(() => pulled(turns), { what: "the other turn", timeoutMs: 10_000 })).toMatchObject({
      request: { turn_id: "other" },
    });
    await delivery?.ack();
    expect((await turns.waiting("c2")).map(({ request }) => request.turn_id)).toEqual(["other"]);
  });
});

it("removes a turn that is still there after the connection was lost", async () => {
  await withBench(async ({ bus: { turns }, nats }) => {
    await turns.submit(turn("t1"));
    const delivery = await pulled(turns);
    await nats.kill("SIGKILL");
    await nats.restart();
    await delivery?.ack();
    const isGone = async (): Promise<boolean> => (await turns.waiting("c1")).length === 0;
    await eventually(isGone, { what: "a queue without it", timeoutMs: 10_000 });
  });
});
