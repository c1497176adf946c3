import { streams, subjects, turnsConsumer } from "@parley/protocol";
import { connect } from "@nats-io/transport-node";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

it("asks for no turn any more once its pulls are to end, also where a pull had not left yet", async () => {
  await using bench = await openTestBus();
  const { turns, events } = bench.bus;
  const listener = await connect({ servers: bench.nats.url });
  const asked: string[] = [];
  listener.subscribe(subjects.pull(streams.turns, turnsConsumer), {
    callback: (_error, message) => void asked.push(message.reply ?? ""),
  });
  await listener.flush();

  await turns.pull(1, 1_000, () => {});
  const pulling = turns.pull(1, 60_000, () => {});
  await Promise.all([turns.endPulls(), pulling]);
  await events.flush();
  await listener.flush();
  expect(asked).toHaveLength(1);
  await listener.close();
});
