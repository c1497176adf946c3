import { cp, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { subjects } from "@parley/protocol";
import { eventually, startTcpProxy, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { TestClient } from "./support/test-client.ts";

async function answer(world: World, client: TestClient, id: string): Promise<void> {
  client.send({ type: "message", id, message: `what of ${id}?`, conversation_id: "c_lost" });
  const { turn_id } = await client.next("accepted");
  await world.worker.take("c_lost", turn_id).complete(`answer to ${id}`);
  await client.next("complete");
}

/** Makes the stream longer than it was, with events of another conversation. */
async function growBeyond({ bus: { events } }: World, lastSeq: number): Promise<void> {
  const store = async (turn: string): Promise<boolean> => {
    const common = { conversation_id: "c_other", turn_id: turn, ts: Date.now() };
    const control = { type: "cancel_requested", ...common, by: "somebody", reason: "no more" } as const;
    await events.writeOnce(subjects.control(0, "c_other", turn), control);
    return (await events.state(0)).lastSeq > lastSeq + 5;
  };
  for (
    let n = 0;
    !(
      await eventually(() => store(`turn-${n}`).then((isLong) => [isLong]), { what: "an event", timeoutMs: 10_000 })
    )[0];
    n++
  );
}

/** A broker whose power went, with all that it stored since the image was made. */
async function losePower(world: World, store: string, image: string): Promise<void> {
  await world.nats.kill("SIGKILL");
  await rm(path.join(store, "jetstream"), { recursive: true });
  await cp(path.join(image, "jetstream"), path.join(store, "jetstream"), { recursive: true });
  await world.nats.restart();
}

it("P2: lets viewers begin anew where the broker has lost the newest events, and counts on with others under their numbers", async () => {
  await using folder = await tempDir();
  const [store, image] = [path.join(folder.path, "store"), path.join(folder.path, "image")];
  await mkdir(store);
  await using world = await createWorld({ dir: store });
  await using proxy = await startTcpProxy({ targets: [world.nats.port] });
  const edge: EdgeUnderTest = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
  const client = await world.connect(edge);
  await answer(world, client, "kept");
  world.nats.freeze();
  await cp(store, image, { recursive: true });
  world.nats.thaw();
  await answer(world, client, "lost");
  const { lastSeq } = await world.bus.events.state(0);
  proxy.sever();
  await losePower(world, store, image);
  await growBeyond(world, lastSeq);
  proxy.heal();
  expect(await client.next("subscribed", { timeoutMs: 15_000 })).toMatchObject({ seq: 0 });
  const { messages } = await client.next("snapshot", { timeoutMs: 15_000 });
  expect(messages?.map(({ message }) => message)).toEqual(["answer to kept"]);
  await answer(world, client, "new");
});
