import { setTimeout as delay } from "node:timers/promises";
import { nowMs } from "../measure/clock.ts";
import { tokensOf, type Load } from "./load.ts";
import { timedToken } from "./timed-token.ts";

/** Makes tokens at the load's rate, turn after turn, and hands each to its writer. Late is made up for, as a model's server would. */
export async function makeTokens(load: Load, write: (turn: number, token: string) => void): Promise<void> {
  const total = tokensOf(load);
  const perMs = (load.turns * load.rate) / 1_000;
  const startedAt = performance.now();
  for (let made = 0, turn = 0; made < total;) {
    const due = Math.min(total, Math.floor((performance.now() - startedAt) * perMs));
    const token = timedToken(nowMs());
    for (; made < due; made++) {
      write(turn, token);
      turn = (turn + 1) % load.turns;
    }
    await delay(1);
  }
}
