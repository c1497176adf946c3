import { encodeJson, subjects } from "@parley/protocol";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

/** More than two portions, by the number of messages. A broker from 2.10 on says when one is complete. */
const events = 4_500;

it("reads more messages than the broker gives at a time, alone and together, in order and each once", async () => {
  await using world = await openTestBus();
  const { bus } = world;
  const subject = subjects.agent(0, "long", "t");
  for (let n = 0; n < events; n++) bus.nc.publish(subject, encodeJson({ type: "token", n }));
  await expect.poll(async () => (await bus.events.state(0)).lastSeq, { timeout: 10_000 }).toBe(events);
  const readers = Array.from({ length: 40 }, () => bus.events.read("long", { fromSeq: 1 }));
  for (const read of [bus.events.read("long", { fromSeq: 1 }), ...readers]) {
    expect((await read).map(({ seq }) => seq)).toEqual(Array.from({ length: events }, (_, i) => i + 1));
  }
});
