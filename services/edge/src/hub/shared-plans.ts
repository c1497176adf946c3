import { deliveryLimits } from "../delivery/delivery-limits.ts";
import {
  planCatchUp,
  planCompletion,
  type CatchUpPlan,
  type DoubtedPlace,
  type ReplayLimits,
  type SharedSnapshots,
  type ViewerPlace,
} from "./catch-up-plan.ts";
import type { Known } from "./ring.ts";

/** So many cursors at which viewers of one conversation stand are remembered, with the plan for each. */
const maxPlans = 64;

interface Planned {
  readonly known: Known;
  /** What tells that this is known still, and no more. */
  readonly state: readonly unknown[];
  readonly plans: Map<string, CatchUpPlan>;
  readonly snapshots: SharedSnapshots;
}

function stateOf({ events, floor, base, rooted, quiet }: Known): readonly unknown[] {
  return [events, events.length, floor, base.size, rooted, quiet];
}

/**
 * As `planCatchUp`, and with a turn as `planCompletion`. Viewers of one conversation mostly have to be brought to the present at the same moment, and
 * from the same place: then a plan is made once, and so is each snapshot in it, which means to decode a whole answer.
 */
export function createPlanner(limits: ReplayLimits = deliveryLimits) {
  let planned: Planned | undefined;

  const ofState = (known: Known): Planned => {
    const state = stateOf(known);
    const isSame = planned?.known === known && state.every((part, i) => part === planned?.state[i]);
    if (planned === undefined || !isSame) planned = { known, state, plans: new Map(), snapshots: new Map() };
    return planned;
  };

  return (known: Known, place: ViewerPlace | DoubtedPlace): CatchUpPlan => {
    const { plans, snapshots } = ofState(known);
    const key = `${place.cursor} ${place.sure} ${"turn" in place ? place.turn : ""}`;
    let plan = plans.get(key);
    if (plan !== undefined) return plan;
    plan = "turn" in place ? planCompletion(known, place, limits) : planCatchUp(known, place, limits, snapshots);
    if (plans.size >= maxPlans) plans.clear();
    plans.set(key, plan);
    return plan;
  };
}
