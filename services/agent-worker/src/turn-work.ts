import type { Bus } from "@parley/bus";
import { createCancellations } from "./cancellations.ts";
import type { createCapacity } from "./capacity.ts";
import { createEarlyEnds } from "./early-ends.ts";
import { createHandoverWatch } from "./handover/handover-watch.ts";
import { createIntake } from "./intake.ts";
import { createJanitor } from "./janitor.ts";
import type { AgentGauges, createAgentMetrics } from "./metrics.ts";
import type { Process } from "./parts.ts";
import type { QueueAge } from "./queue-age.ts";
import type { TurnRunner } from "./turn-runner.ts";
import type { Waits } from "./waits.ts";
import { createWaking } from "./waking.ts";

export interface TurnWorkDeps {
  readonly bus: Bus;
  readonly runner: TurnRunner;
  readonly waits: Waits;
  readonly age: QueueAge;
  readonly capacity: Pick<ReturnType<typeof createCapacity>, "slots" | "limit" | "expectOne">;
  readonly metrics: Pick<
    ReturnType<typeof createAgentMetrics>,
    "janitorFound" | "handoverExpired" | "observePeople" | "turnWoken"
  >;
}

/** Takes turns as they come, are cancelled, wake up, or are left behind, until the process stops. Gives what is to be seen of it. */
export function startTurnWork(
  { config, log, life }: Process,
  { bus, runner, waits, age, capacity, metrics }: TurnWorkDeps,
): Pick<AgentGauges, "slots" | "running" | "parked" | "queued"> {
  const { slots } = capacity;
  const { signal: stopping } = life;
  const { JANITOR_MS: everyMs, ACK_WAIT_MS: ackWaitMs, TURN_MS: turnMs } = config;
  const earlyEnds = createEarlyEnds({ bus, runner, age, stopping, log });
  const cancellations = createCancellations({ bus, shards: config.SHARDS, runner, log });
  life.use("cancellations", cancellations.close);
  const janitor = createJanitor({
    ...{ bus, runner, earlyEnds, waits, slots, age, everyMs, ackWaitMs, turnMs, log },
    onFinding: metrics.janitorFound,
  });
  life.use("the janitor", janitor.close);
  const { handoverExpired: onExpired } = metrics;
  const people = createHandoverWatch({ handovers: bus.handovers, everyMs, onExpired, log });
  life.use("the hand-overs", people.close);
  metrics.observePeople(people.count);
  const intake = createIntake({
    ...{ bus, runner, earlyEnds, waits, age, slots, stopping, log },
    maxParked: config.MAX_PARKED,
    ackWaitMs,
  });
  life.use("answers about turns", bus.agents.answer(intake.has));
  const onWoken = (): void => {
    capacity.expectOne();
    metrics.turnWoken();
  };
  const waking = createWaking({ bus, ackWaitMs, stopping, onWoken, log });
  life.use("running turns", async () => void (await Promise.all([intake.stop(), waking.stop()])));
  return { slots: capacity.limit, running: runner.running, parked: intake.parked, queued: intake.queued };
}
