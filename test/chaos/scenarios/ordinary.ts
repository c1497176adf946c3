import { ordinaryWorkload, type Workload } from "../plan/plan.ts";
import { asPromised, type Expected, type Scenario, type Tally } from "../scenario.ts";
import { ordinaryShape, type Shape } from "../world/world.ts";

/** What a scenario says about itself; all else is as usual. */
export interface ScenarioSpec extends Pick<
  Scenario,
  "name" | "about" | "promises" | "waitsForHubs" | "mostTurns" | "throughDialects" | "rooms"
> {
  readonly shape?: Partial<Shape>;
  readonly workload?: Partial<Workload>;
  readonly faults?: Scenario["faults"];
  readonly expected?: Partial<Expected>;
  /** What must have happened, or the run proves little. */
  readonly proof?: Partial<Record<CountName, number>>;
}

type CountName = { [K in keyof Tally]: Tally[K] extends number ? K : never }[keyof Tally];

const sayings: Readonly<Record<CountName, string>> = {
  turns: "turns",
  faults: "faults",
  takeovers: "takeovers",
  reconnects: "reconnects",
  snapshots: "snapshots",
  lagged: "sockets that lagged",
  cancelled: "cancelled turns",
  waited: "turns that waited",
  toolRuns: "tool calls",
  decisions: "decisions on turns that waited",
  late: "live copies that came late",
  overtaken: "live copies that came after later ones",
};

export function defineScenario({ shape, workload, expected, proof = {}, ...spec }: ScenarioSpec): Scenario {
  return {
    faults: () => [],
    ...spec,
    shape: { ...ordinaryShape, ...shape },
    workload: { ...ordinaryWorkload, ...workload },
    expected: { ...asPromised, ...expected },
    proof: (tally) => proofOf(tally, proof),
  };
}

function proofOf(tally: Tally, wanted: NonNullable<ScenarioSpec["proof"]>): string | undefined {
  for (const [name, least] of Object.entries(wanted)) {
    const key = name as CountName;
    if (tally[key] < least) return `only ${tally[key]} ${sayings[key]}, expected at least ${least}`;
  }
  return undefined;
}
