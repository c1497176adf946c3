import { setTimeout as delay } from "node:timers/promises";
import { turn as turnOf, toolCallsOf } from "@parley/protocol";
import { eventually, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { startApprovalWorld, type ApprovalWorld } from "./approval-world.ts";

const conversations = 16;
const rounds = 6;
const killEveryMs = 700;
const leastKills = 3;

/** Kills one after the other, each when the one before is back, until the signal. Returns how many were killed. */
async function killInTurn(services: readonly Service[], signal: AbortSignal): Promise<number> {
  let kills = 0;
  for (; !signal.aborted; kills++) {
    await delay(killEveryMs);
    await services[kills % services.length]?.restart();
  }
  return kills;
}

type Chat = ReturnType<Awaited<ReturnType<ApprovalWorld["person"]>>["conversation"]>;

/** One change that a person is asked about and decides on. */
async function decidedChange(world: ApprovalWorld, chat: Chat, approved: boolean) {
  const { turn_id: turn } = await chat.send('call the tool demo_change with {"text": "42", "ms": 400}');
  const question = { conversation: chat.id, turn, call: `${turn}-0-0` };
  const ended = chat.untilEnd(turn);
  // Or given up, when its workers are lost twice.
  const isAsked = (): boolean => {
    const view = turnOf(chat.view, turn);
    const call = view && toolCallsOf(view.parts)[0];
    return call?.approval !== undefined || call?.status !== undefined || view?.outcome !== undefined;
  };
  await eventually(isAsked, { what: "the question", timeoutMs: 60_000 });
  // Of one that was given up nothing can be decided.
  await world.decide(question, approved).catch(() => false);
  const { type, tool_calls } = await ended;
  return { turn, type, approved, status: tool_calls[0]?.status, times: await world.timesOf(question) };
}

/** `failed`: its workers were lost twice, and it is certain that it never ran. */
const agreed = ["completed, 1", "unknown, 0", "unknown, 1", "failed, 0"];
const refused = ["denied, 0", "failed, 0"];

function isAsDecided({ type, approved, status, times }: Awaited<ReturnType<typeof decidedChange>>): boolean {
  return type === "complete" && (approved ? agreed : refused).includes(`${status}, ${times}`);
}

it(
  "P11: whoever is killed, what was agreed to happens once or is told as unknown, and what was denied never happens",
  { timeout: 240_000 },
  async () => {
    await using world = await startApprovalWorld();
    await using one = await world.startToolWorker();
    await using other = await world.startToolWorker();
    await using third = await world.startToolWorker();
    using anna = await world.person();
    const stop = new AbortController();
    const killing = killInTurn([one, ...world.agentWorkers, other, third], stop.signal);
    const changes = async (_: unknown, nth: number) => {
      const chat = anna.conversation();
      const ended = [];
      for (let i = 0; i < rounds; i++) ended.push(await decidedChange(world, chat, (nth + i) % 3 !== 0));
      return ended;
    };
    const all = await Promise.all(Array.from({ length: conversations }, changes)).finally(() => stop.abort());
    expect(await killing).toBeGreaterThanOrEqual(leastKills);
    expect(all.flat().filter((change) => !isAsDecided(change))).toEqual([]);
    const of = (status: string): number => all.flat().filter((change) => change.status === status).length;
    process.stdout.write(`completed ${of("completed")}, denied ${of("denied")}, unknown ${of("unknown")}\n`);
  },
);
