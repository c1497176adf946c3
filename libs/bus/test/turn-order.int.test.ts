import type { TurnRequest } from "@parley/protocol";
import { expect, it } from "vitest";
import type { Delivery } from "../src/turn-queue.ts";
import { openTestBus } from "./workbench.ts";

function turn(id: string, conversation: string): TurnRequest {
  const message = { id, message_id: `${id}-u`, message: "hello", accepted_at: 1 };
  return { v: 1, turn_id: id, conversation_id: conversation, user: { id: "anna" }, ...message };
}

it("always shows the waiting turns of a conversation in order, as long as they leave at the front", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  const model = new Map<string, string[]>(Array.from({ length: 12 }, (_, i) => [`c${i}`, []]));
  let random = 11;
  const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below;
  for (let step = 0; step < 600; step++) {
    const conversation = `c${next(12)}`;
    const expected = model.get(conversation) ?? [];
    if (next(2) === 0 && expected.length < 8) {
      await turns.submit(turn(`t${step}`, conversation));
      expected.push(`t${step}`);
    } else if (expected.length > 0) {
      const first = await turns.first(conversation);
      await turns.removeFirst(first?.seq ?? 0);
      expected.shift();
    }
    expect((await turns.waiting(conversation)).map(({ request }) => request.turn_id)).toEqual(expected);
  }
});

it("takes a turn for alone exactly when all before it have left", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  const marks: unknown[] = [];
  const expected: unknown[] = [];
  const held = new Map<string, Delivery[]>(Array.from({ length: 12 }, (_, i) => [`c${i}`, []]));
  let random = 23;
  const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below;
  for (let step = 0; step < 400; step++) {
    const conversation = `c${next(12)}`;
    const waiting = held.get(conversation) ?? [];
    if (next(2) === 0 && waiting.length < 8) {
      await turns.submit(turn(`t${step}`, conversation));
      let came: Delivery | undefined;
      await turns.pull(1, 5_000, (delivery) => (came = delivery));
      marks.push([came?.request.turn_id, came?.isFirst ?? false]);
      expected.push([`t${step}`, waiting.length === 0]);
      if (came !== undefined) waiting.push(came);
    } else {
      await waiting.shift()?.ack();
      await bench.bus.nc.flush();
    }
  }
  expect(marks).toEqual(expected);
});
