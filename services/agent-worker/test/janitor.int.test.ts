import type { QueuedTurn } from "@parley/bus";
import { subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { createJanitor } from "../src/janitor.ts";
import { startWorkbench } from "./workbench.ts";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
const idleRunner = {
  running: () => 0,
  requests: () => [],
  isRunning: () => false,
  heartbeat() {},
  cancel: () => false,
  run: () => expect.fail("nothing may run"),
  handOver: async () => {},
};

it("removes a turn that ended but was left in the queue", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  const { conversation_id, turn_id } = turn;
  // Delivered to somebody who neither acknowledges nor returns it.
  await bench.bus.turns.pull(1, 2_000, () => {});
  const outcome = { response: "", message_id: "m", tool_calls: [], usage: { input_tokens: 0, output_tokens: 0 } };
  await bench.bus.events.writeOnce(subjects.agent(0, conversation_id, turn_id), {
    ...{ type: "complete", conversation_id, turn_id, ts: 1, attempt: 1, n: 0, metadata: {} },
    ...outcome,
  });
  await bench.addWorker({ JANITOR_MS: "100", ACK_WAIT_MS: "60000" });
  await expect.poll(() => bench.bus.turns.waiting(conversation_id), { timeout: 5_000 }).toEqual([]);
});

it("runs a turn that the broker will not deliver any more", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  const ran: QueuedTurn[] = [];
  const findings: string[] = [];
  const runner = { ...idleRunner, run: async (found: QueuedTurn) => void ran.push(found) };
  // What the broker says after it has lost the delivery: everything up to here is settled.
  const turns = { ...bench.bus.turns, settledUpTo: async () => Infinity };
  const janitor = createJanitor({ turns, runner, everyMs: 60_000, onFinding: (found) => findings.push(found), log });
  await janitor.sweep();
  janitor.close();
  expect(ran.map(({ request }) => request.turn_id)).toEqual([turn.turn_id]);
  expect(findings).toEqual(["orphaned"]);
});

it("leaves turns alone that wait to be delivered", async () => {
  await using bench = await startWorkbench();
  await bench.ask("hello");
  const janitor = createJanitor({
    turns: bench.bus.turns,
    runner: idleRunner,
    everyMs: 60_000,
    onFinding: expect.fail,
    log,
  });
  await janitor.sweep();
  janitor.close();
  expect(await bench.bus.turns.scan(10)).toHaveLength(1);
});
