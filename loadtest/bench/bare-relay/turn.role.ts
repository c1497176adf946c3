import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import uWS from "uWebSockets.js";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { bareTurns } from "./subjects.ts";

const Options = z.object({ nats: z.string(), port: z.number(), model: z.string() });
const stream = "BARETURNS";
const consumer = "bare";

/** The least that takes a message, stores it in a queue, and has a worker ask the model: no users, order, claim, history or answer. */
await serveRole(Options, async ({ nats, port, model }) => {
  const nc = await connect({ servers: nats, noAsyncTraces: true });
  const manager = await jetstreamManager(nc);
  await manager.streams.add({
    ...{ name: stream, subjects: [bareTurns], retention: RetentionPolicy.Workqueue, storage: StorageType.File },
  });
  await manager.consumers.add(stream, { durable_name: consumer, ack_policy: AckPolicy.Explicit });
  const js = jetstream(nc);
  const work = async (): Promise<void> => {
    const queue = await js.consumers.get(stream, consumer);
    for (;;) {
      const message = await queue.next({ expires: 30_000 });
      if (message === null) continue;
      const request = { model: "bare", stream: true, messages: [{ role: "user", content: message.string() }] };
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${model}/chat/completions`, {
        method: "POST",
        headers,
        body: JSON.stringify(request),
      });
      await response.text();
      message.ack();
    }
  };
  void work();
  const app = uWS.App().ws("/*", {
    message: (_ws, data) => void js.publish(bareTurns, new Uint8Array(data.slice(0))),
  });
  await new Promise<void>((resolve) => app.listen("127.0.0.1", port, () => resolve()));
  return {};
});
