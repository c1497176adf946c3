import { readFile } from "node:fs/promises";
import type { Client } from "@parley/client";
import { pendingApprovals } from "@parley/protocol";
import { sleep, withDeadline } from "@parley/runtime";
import { eventually } from "@parley/testkit";

type Conversation = ReturnType<Client["conversation"]>;

/** A person at two devices: one asks for what needs agreement, the other one agrees, or says no. */
export interface Decider {
  readonly asks: Conversation;
  readonly decides: Conversation;
}

/** People whose turns wait for them while processes are replaced. */
export interface Deciders {
  decided(): number;
  /** Nobody asks for anything before, or after `pause`. */
  resume(): void;
  /** Decides on all that waits, and resolves when it has ended: a version that cannot wait is about to come. */
  pause(): Promise<void>;
  /** What was promised of them and is not so. */
  faults(counterFile: string): Promise<string[]>;
}

/** Longer than it takes to replace a process. */
const heldMs = 4_000;
const askedWithinMs = 30_000;
const endsWithinMs = 60_000;
/** Of those who ask, every third says no. */
const denials = 3;

interface Asked {
  readonly call: string;
  readonly approved: boolean;
}

export function createDeciders(people: readonly Decider[]): Deciders {
  const asked: Asked[] = [];
  const faults: string[] = [];
  let pausing: AbortController | undefined;
  let running: Promise<unknown> = Promise.resolve();

  const decideOn = async ({ asks, decides }: Decider, number: number, signal: AbortSignal): Promise<void> => {
    const approved = number % denials !== 0;
    const call = { text: `change ${number}` };
    const message = `call the tool demo_change with ${JSON.stringify(call)}\n/sim tokens=10 rate=100`;
    const { turn_id } = await asks.send(message, { agent: "general" });
    await decides.subscribe();
    const waiting = await eventually(() => pendingApprovals(decides.view).find((one) => one.turn_id === turn_id), {
      what: `the question of turn ${turn_id}`,
      timeoutMs: askedWithinMs,
    });
    const { call_id } = waiting.call;
    await sleep(heldMs, signal);
    asked.push({ call: call_id, approved });
    const [end] = await withDeadline(
      Promise.all([asks.untilEnd(turn_id), decides.approve(call_id, approved)]),
      endsWithinMs,
      `the end of turn ${turn_id}, which waited`,
    );
    const status = end.tool_calls.find((one) => one.call_id === call_id)?.status;
    const wanted = approved ? "completed" : "denied";
    if (end.type !== "complete" || status !== wanted)
      faults.push(`${turn_id} waited, and its call is ${status} in an end of ${end.type}`);
  };

  const goOn = async (person: Decider, first: number, signal: AbortSignal): Promise<void> => {
    for (let number = first; !signal.aborted; number += people.length) {
      try {
        await decideOn(person, number, signal);
      } catch (error) {
        faults.push(`somebody who decides: ${String(error)}`);
        return;
      }
    }
  };

  return {
    decided: () => asked.length,
    resume() {
      if (pausing !== undefined) return;
      const { signal } = (pausing = new AbortController());
      running = Promise.all(people.map((person, i) => goOn(person, asked.length + i, signal)));
    },
    async pause() {
      pausing?.abort();
      pausing = undefined;
      await running;
    },
    async faults(counterFile) {
      const text = await readFile(counterFile, "utf8").catch(() => "");
      const ran = text.split("\n").map((line) => line.split(" ", 1)[0]);
      const wrong = asked.flatMap(({ call, approved }) => {
        const times = ran.filter((one) => one === call).length;
        return times === (approved ? 1 : 0)
          ? []
          : [`call ${call}, ${approved ? "agreed to" : "denied"}, ran ${times} times`];
      });
      return [...faults, ...wrong];
    },
  };
}
