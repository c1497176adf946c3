import { readFileSync } from "node:fs";
import { decodeEvent, isTerminal, limits, parseEventSubject, subjects, type TurnRequest } from "@parley/protocol";
import { eventually, type Broker, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

const conversations = 715;
const ackWaitMs = 5_000;
/** First turns are claimed and say nothing: what is measured is the queue. */
const silent = "hang=headers";
const env = {
  SLOTS: "400",
  ACK_WAIT_MS: String(ackWaitMs),
  MODEL_FIRST_TOKEN_MS: "600000",
};

/** Seconds of processor that the broker has used so far (Linux counts hundredths). */
function cpuSeconds({ pid }: Broker): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function cpuShareOver(broker: Broker, ms: number): Promise<number> {
  const [usedBefore, since] = [cpuSeconds(broker), performance.now()];
  await eventually(() => performance.now() - since > ms, { what: "a stretch of time", timeoutMs: ms * 2 });
  return ((cpuSeconds(broker) - usedBefore) * 1_000) / (performance.now() - since);
}

/** Asks in all conversations, some at a time; each a first turn that stays, and as many behind it as may wait. */
async function fill(bench: Workbench): Promise<TurnRequest[][]> {
  const asked: TurnRequest[][] = [];
  const askAll = async (): Promise<void> => {
    for (let i = asked.length; i < conversations; i = asked.length) {
      const conversation = `c_${i}`;
      const turns: TurnRequest[] = [];
      asked.push(turns);
      turns.push(await bench.ask("hello", { conversation, sim: silent }));
      while (turns.length < limits.turnsPerConversation) turns.push(await bench.ask("hello", { conversation }));
    }
  };
  await Promise.all(Array.from({ length: 50 }, askAll));
  return asked;
}

/** Who claimed each turn last, and which have ended, from the live events. */
function watch(bench: Workbench) {
  const claims = new Map<string, { attempt: number; worker: string }>();
  const ended: string[] = [];
  bench.bus.events.subscribe(subjects.liveOf(0, "*"), ({ subject, data }) => {
    const turn = parseEventSubject(subject)?.turn ?? "";
    const event = decodeEvent(data);
    if (event.type === "claimed") claims.set(turn, { attempt: event.attempt, worker: event.worker });
    if (isTerminal(event.type)) ended.push(turn);
  });
  return { claims, ended };
}

async function parkedBy({ adminPort }: Service): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^parley_turns_parked\S* (\d+)/m.exec(text)?.[1]);
}

it(
  "goes on with a killed worker's turns in time while thousands wait behind others",
  { timeout: 180_000 },
  async () => {
    await using bench = await startWorkbench();
    const { claims, ended } = watch(bench);
    const workers = await Promise.all([bench.addWorker(env), bench.addWorker(env), bench.addWorker(env)]);
    const asked = await fill(bench);
    const firsts = asked.flatMap(([first]) => first ?? []);
    const waiting = conversations * (limits.turnsPerConversation - 1);
    expect(waiting).toBeGreaterThan(5_000);
    const untilParked = async (at: readonly Service[], count: number): Promise<void> => {
      const parked = async () => (await Promise.all(at.map(parkedBy))).reduce((all, one) => all + one, 0) >= count;
      await eventually(parked, { what: "the waiting turns at the workers", timeoutMs: 60_000, intervalMs: 100 });
    };
    await untilParked(workers, waiting);
    expect(firsts.every(({ turn_id }) => claims.get(turn_id)?.attempt === 1)).toBe(true);

    // Waiting costs the broker next to nothing.
    const share = await cpuShareOver(bench.nats, 5_000);
    expect(share).toBeLessThan(0.25);

    const [killed, ...others] = workers;
    const claimedBy = new Map([...claims].map(([turn, { worker }]) => [turn, worker]));
    await killed?.kill("SIGKILL");
    const killedAt = performance.now();
    const isTakenOver = ({ turn_id }: TurnRequest): boolean => claims.get(turn_id)?.attempt === 2;
    await eventually(
      () => {
        const lost = new Set(firsts.filter(isTakenOver).map(({ turn_id }) => claimedBy.get(turn_id)));
        const lostTurns = firsts.filter(({ turn_id }) => lost.has(claimedBy.get(turn_id)));
        return lost.size === 1 && lostTurns.every(isTakenOver);
      },
      { what: "the killed worker's turns", timeoutMs: ackWaitMs + 5_000 },
    );
    const tookMs = performance.now() - killedAt;
    await untilParked(others, waiting);

    // What waits goes on when its time comes, in order.
    const some = asked.slice(0, 20);
    for (const [first] of some) if (first !== undefined) await bench.cancel(first);
    const expected = some.flat().map(({ turn_id }) => turn_id);
    await eventually(() => expected.every((turn) => ended.includes(turn)), { what: "all ends", timeoutMs: 20_000 });
    for (const turns of some) {
      const order = turns.map(({ turn_id }) => ended.indexOf(turn_id));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
    process.stdout.write(`broker ${(share * 100).toFixed(1)} %, taken over after ${Math.round(tookMs)} ms\n`);
  },
);
