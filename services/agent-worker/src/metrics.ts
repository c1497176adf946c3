import type { TurnBacklog } from "@parley/bus";
import type { Outcome, TurnRequest } from "@parley/protocol";
import { Counter, Histogram, addGauge, createKnownLabel, createMetrics, type Registry } from "@parley/runtime";
import type { PreviousAttempt } from "./claim.ts";
import { codeOf } from "./ending.ts";
import { createGuardMetrics } from "./guards/guard-metrics.ts";
import { createHandoverMetrics } from "./handover/handover-metrics.ts";
import { harmless } from "./harmless.ts";
import type { JanitorFinding } from "./janitor.ts";
import type { ModelCallFigures } from "./model-call.ts";
import { createModelRouteMetrics } from "./model-route-metrics.ts";
import type { DecisionKind } from "./call-approval.ts";
import { createShortCallMetrics } from "./short-call-metrics.ts";
import type { TurnResult } from "./turn-attempt.ts";

export interface AgentGauges {
  readonly slots: () => number;
  readonly running: () => number;
  readonly parked: () => number;
  readonly queued: () => number;
  /** Undefined while the broker cannot be asked. */
  readonly backlog: () => TurnBacklog | undefined;
  /** From 0 to 1; undefined while the broker cannot be asked. */
  readonly eventsFill: () => number | undefined;
  readonly factsFill: () => number | undefined;
}

const waitBucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** As the conventions for generative models have them (gen_ai.client.operation.duration). */
const modelBucketsS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const turnBucketsS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];

const label = (text: string): string => text.replace(" ", "_");

/**
 * The worker's own figures. Nothing is counted per token. Only models that somebody has configured have labels of their own: any message may name one, and
 * thirty made-up names would leave no label to a model that is used.
 */
export function createAgentMetrics(isConfigured: (model: string) => boolean = () => false) {
  const registry = createMetrics({ service: "agent-worker" });
  const rescues = createRescueMetrics(registry);
  const { turnSettled, turnClaimed, turnEnded } = createTurnMetrics(registry, rescues);
  const { modelRetried, modelCalled } = createModelMetrics(registry, isConfigured);
  const waits = createWaitMetrics(registry);
  const routes = createModelRouteMetrics(registry);
  const [people, guards] = [createHandoverMetrics(registry), createGuardMetrics(registry)];
  return {
    registry,
    modelChosen: harmless(routes.chosen),
    modelHedged: harmless(routes.hedged),
    modelWaited: harmless(routes.waited),
    observeRoutes: routes.observe,
    turnWoken: harmless(waits.woken),
    turnResumed: harmless(waits.resumed),
    callDecided: harmless(waits.decided),
    janitorFound: harmless(rescues.janitorFound),
    turnSettled: harmless((result: TurnResult) => {
      turnSettled(result);
      waits.settled(result);
    }),
    turnClaimed: harmless(turnClaimed),
    turnEnded: harmless(turnEnded),
    modelRetried: harmless(modelRetried),
    modelCalled: harmless(modelCalled),
    ...createShortCallMetrics(registry),
    handoverExpired: harmless(people.expired),
    observePeople: people.observe,
    guardBlocked: harmless(guards.blocked),
    guardFailed: harmless(guards.failed),
    observe: (gauges: AgentGauges): void => observeWorker(registry, gauges),
  };
}

/** What the worker has at the moment. */
function observeWorker(
  registry: Registry,
  { slots, running, parked, queued, backlog, eventsFill, factsFill }: AgentGauges,
): void {
  const gauge = (name: string, help: string, read: () => number) => addGauge(registry, name, help, read);
  const most = "Turns that may run here at once, by memory and SLOTS; while the process is overloaded, as many as run.";
  gauge("parley_agent_slots", most, slots);
  gauge("parley_turns_running", "Turns that run here.", running);
  gauge("parley_turns_parked", "Turns that wait here for an earlier one of their conversation.", parked);
  const held = "Turns that wait here for a free slot, so that each user gets a fair share of them.";
  gauge("parley_turns_held", held, queued);
  const waiting = "Turns in the queue that no worker has got yet; the same on all workers, absent if unknown.";
  gauge("parley_turns_queue_waiting", waiting, () => backlog()?.waiting ?? Number.NaN);
  const delivered =
    "Turns that were delivered and have not left the queue, whatever they wait for: no measure of load; the same on all workers.";
  gauge("parley_turns_queue_delivered", delivered, () => backlog()?.delivered ?? Number.NaN);
  const fill = "Bytes of the fullest event stream as a share of its limit; the same on all workers, absent if unknown.";
  gauge("parley_event_stream_fill_ratio", fill, () => eventsFill() ?? Number.NaN);
  const facts =
    "Bytes of the fullest stream of facts as a share of FACTS_MAX_BYTES; from 1 on new messages are refused.";
  gauge("parley_fact_stream_fill_ratio", facts, () => factsFill() ?? Number.NaN);
}

function createTurnMetrics(registry: Registry, rescues: ReturnType<typeof createRescueMetrics>) {
  const registers = [registry];
  const turns = new Counter({
    name: "parley_turns_total",
    help: "Turns that were settled by this worker, by what became of them.",
    labelNames: ["result"],
    registers,
  });
  const ended = new Counter({
    name: "parley_turns_ended_total",
    help: "Turns that this worker brought to their end, by how they ended; code is that of an error.",
    labelNames: ["outcome", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "parley_turn_duration_seconds",
    help: "From the edge's acceptance of a message to the stored end of its turn (clocks of two machines).",
    labelNames: ["outcome"],
    buckets: turnBucketsS,
    registers,
  });
  const wait = new Histogram({
    name: "parley_turn_queue_wait_seconds",
    help: "From the edge's acceptance of a message to the first claim of its turn (clocks of two machines).",
    buckets: waitBucketsS,
    registers,
  });
  return {
    turnSettled: (result: TurnResult): void => turns.inc({ result: label(result) }),
    turnClaimed({ accepted_at }: TurnRequest, previous: PreviousAttempt | undefined): void {
      if (previous === undefined) wait.observe(secondsSince(accepted_at));
      else rescues.takenOver(previous);
    },
    turnEnded({ accepted_at }: TurnRequest, outcome: Outcome): void {
      ended.inc({ outcome: outcome.type, code: codeOf(outcome) ?? "" });
      duration.observe({ outcome: outcome.type }, secondsSince(accepted_at));
    },
  };
}

/** Turns that were saved from being lost. */
function createRescueMetrics(registry: Registry) {
  const registers = [registry];
  const takeovers = new Counter({
    name: "parley_turn_takeovers_total",
    help: "Turns claimed after another worker: lost it was killed or cut off, handed_over it stopped.",
    labelNames: ["reason"],
    registers,
  });
  const findings = new Counter({
    name: "parley_janitor_findings_total",
    help: "Turns that nobody would have looked after again, by what was wrong.",
    labelNames: ["finding"],
    registers,
  });
  // A counter that begins with its first event has no increase for an alert to see.
  for (const reason of ["lost", "handed_over"]) takeovers.inc({ reason }, 0);
  for (const finding of ["left_behind", "orphaned", "unqueued", "not_woken"]) findings.inc({ finding }, 0);
  return {
    janitorFound: (finding: JanitorFinding): void => findings.inc({ finding: label(finding) }),
    takenOver: ({ how }: PreviousAttempt): void => {
      if (how !== "waited") takeovers.inc({ reason: label(how) });
    },
  };
}

/** What a person agrees to goes on within a second, as a rule; a broker that elects a leader takes longer. */
const resumeBucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Turns that wait for people. */
function createWaitMetrics(registry: Registry) {
  const registers = [registry];
  const waits = new Counter({
    name: "parley_turn_waits_total",
    help: "Turns that wait for a person: begun, put_back because nothing was decided yet, woken after a decision (tries), resumed.",
    labelNames: ["what"],
    registers,
  });
  const decisions = new Counter({
    name: "parley_decisions_total",
    help: "Calls that a person had to agree to, as this worker went on with them: approved, denied, expired, late (agreed to after its time) or lapsed (agreed to in time, and nobody could go on with it in time).",
    labelNames: ["kind"],
    registers,
  });
  const resumed = new Histogram({
    name: "parley_decision_to_claim_seconds",
    help: "From a person's stored decision to the claim of its turn, by the broker's clock.",
    buckets: resumeBucketsS,
    registers,
  });
  for (const what of ["begun", "put_back", "woken", "resumed"]) waits.inc({ what }, 0);
  for (const kind of ["approved", "denied", "expired", "late", "lapsed"]) decisions.inc({ kind }, 0);
  return {
    settled(result: TurnResult): void {
      if (result === "waiting") waits.inc({ what: "begun" });
      if (result === "put back") waits.inc({ what: "put_back" });
    },
    woken: (): void => waits.inc({ what: "woken" }),
    decided: (kind: DecisionKind): void => decisions.inc({ kind }),
    resumed(afterMs: readonly number[]): void {
      waits.inc({ what: "resumed" });
      for (const ms of afterMs) resumed.observe(Math.max(0, ms) / 1_000);
    },
  };
}

const otherModel = "other";

function createModelMetrics(registry: Registry, isConfigured: (model: string) => boolean) {
  const registers = [registry];
  const known = createKnownLabel();
  const calls = new Counter({
    name: "parley_model_calls_total",
    help: "Calls of the model with their retries, by result: ok, stopped (cancelled or handed over) or an error code.",
    labelNames: ["model", "result"],
    registers,
  });
  const duration = new Histogram({
    name: "parley_model_call_duration_seconds",
    help: "How long calls of the model took, retries included.",
    labelNames: ["model"],
    buckets: modelBucketsS,
    registers,
  });
  const firstToken = new Histogram({
    name: "parley_model_time_to_first_token_seconds",
    help: "From the request to the model's first content, retries included.",
    labelNames: ["model"],
    buckets: modelBucketsS,
    registers,
  });
  const retries = new Counter({
    name: "parley_model_retries_total",
    help: "Requests to the model that were repeated, by the code of what failed.",
    labelNames: ["code"],
    registers,
  });
  const tokens = new Counter({
    name: "parley_model_tokens_total",
    help: "Tokens of answered calls, which is what they cost; estimated where the model does not say.",
    labelNames: ["model", "direction"],
    registers,
  });
  return {
    modelRetried: (code: string): void => retries.inc({ code }),
    modelCalled({ model: name, result, durationMs, firstTokenMs, usage }: ModelCallFigures): void {
      const model = isConfigured(name) ? known(name) : otherModel;
      calls.inc({ model, result });
      duration.observe({ model }, durationMs / 1_000);
      if (firstTokenMs !== undefined) firstToken.observe({ model }, firstTokenMs / 1_000);
      // A counter that has once added NaN stays it.
      if (usage === undefined || !(usage.input_tokens >= 0 && usage.output_tokens >= 0)) return;
      tokens.inc({ model, direction: "input" }, usage.input_tokens);
      tokens.inc({ model, direction: "output" }, usage.output_tokens);
    },
  };
}

/** Clocks of two machines: never negative. */
function secondsSince(wallMs: number): number {
  return Math.max(0, Date.now() - wallMs) / 1_000;
}
