import type { Random, Range, Weights } from "./random.ts";

/** What people do about a call that waits for them. `contradict`: two of them, at once or one after the other, and not the same. */
export type DecisionKind = "approve" | "deny" | "contradict" | "nobody";

export interface Decision {
  readonly approved: boolean;
  /** After the call was shown. */
  readonly delayMs: number;
  /** The device that decides: its place in `devices`. */
  readonly device: number;
}

export interface DecisionPlan {
  readonly decisions: readonly Decision[];
  /** Somebody else tries to decide before, over HTTP. */
  readonly hasStranger: boolean;
}

export interface DecisionWorkload {
  readonly kinds: Weights<DecisionKind>;
  readonly afterMs: Range;
  /** How many calls strangers try to decide on. */
  readonly strangers: number;
}

export const ordinaryDecisions: DecisionWorkload = {
  kinds: { approve: 5, deny: 2, contradict: 1, nobody: 0 },
  afterMs: [0, 3_000],
  strangers: 0.1,
};

export function planDecisions(
  random: Random,
  { kinds, afterMs, strangers }: DecisionWorkload,
  devices: number,
): DecisionPlan {
  const kind = random.weighted(kinds);
  const decide = (approved: boolean, delayMs = random.within(afterMs)): Decision => {
    return { approved, delayMs, device: random.within([0, devices - 1]) };
  };
  const hasStranger = random.chance(strangers);
  if (kind === "nobody") return { decisions: [], hasStranger };
  const first = decide(kind === "approve" || (kind === "contradict" && random.chance(0.5)));
  if (kind !== "contradict") return { decisions: [first], hasStranger };
  return { decisions: [first, decide(!first.approved, first.delayMs + random.within([0, 50]))], hasStranger };
}
