import type { End } from "../plan/prompts.ts";
import type { TurnPlan } from "../plan/plan.ts";
import type { ConversationHistory, Violation } from "../history.ts";
import type { Expected } from "../scenario.ts";
import { isEnd, turnLogsOf, type TurnLog } from "./turn-log.ts";

/** P1, in the log: every accepted message ends, once, and in a way that fits what was asked. */
export function checkEnds(history: ConversationHistory, expected: Expected): Violation[] {
  const conversation = history.plan.id;
  const logs = turnLogsOf(history);
  const planOf = plansByTurn(history);
  const violations: Violation[] = [];

  for (const { id } of history.plan.turns) {
    if (!history.answers.some((given) => given.id === id))
      violations.push({ promise: "P1", conversation, what: `message ${id} was never answered` });
  }
  for (const [turn, plan] of planOf) {
    const fault = faultOf(turn, logs.get(turn), history, expected);
    if (fault !== undefined) violations.push({ promise: "P1", conversation, turn, what: fault });
    else violations.push(...checkOutcome(history, turn, plan, logs.get(turn), expected));
  }
  for (const turn of logs.keys()) {
    if (!planOf.has(turn))
      violations.push({
        promise: "P5",
        conversation,
        turn,
        what: "there is a turn that no accepted message asked for",
      });
  }
  return violations;
}

/** The plans of all turns that were accepted, by their turn id. */
export function plansByTurn({
  plan,
  answers,
}: Pick<ConversationHistory, "plan" | "answers">): ReadonlyMap<string, TurnPlan> {
  const found = new Map<string, TurnPlan>();
  for (const { id, answer } of answers) {
    const turnPlan = plan.turns.find((turn) => turn.id === id);
    if (answer.kind === "accepted" && turnPlan !== undefined) found.set(answer.turn, turnPlan);
  }
  return found;
}

function faultOf(
  turn: string,
  log: TurnLog | undefined,
  { records }: ConversationHistory,
  { logLost }: Expected,
): string | undefined {
  const ends = log?.events.filter(isEnd).length ?? 0;
  if (ends === 1) return undefined;
  if (ends > 1) return `it has ${ends} terminal events`;
  const isRecorded = records.some((record) => record.turn_id === turn && record.author.role === "assistant");
  if (logLost && isRecorded) return undefined;
  return "it was accepted and has no terminal event";
}

function checkOutcome(
  { plan: { id: conversation } }: ConversationHistory,
  turn: string,
  { prompt, cancel }: TurnPlan,
  log: TurnLog | undefined,
  expected: Expected,
): Violation[] {
  const event = log?.terminal?.event;
  if (event === undefined) return [];
  const isStopped = cancel !== undefined || log?.control !== undefined;
  const allowed: readonly End[] = [...prompt.ends, ...expected.ends, ...(isStopped ? ["cancelled" as const] : [])];
  const end: End = event.type === "error" ? `error:${event.code}` : event.type;
  if (!allowed.includes(end))
    return [
      {
        promise: "P1",
        conversation,
        turn,
        what: `it ended as ${end}, but "${prompt.kind}" may only end as ${allowed.join(", ")}`,
      },
    ];
  if (event.type !== "complete" || prompt.answers.length === 0) return [];
  // What the model said before calls whose results are kept goes with the log.
  const isRest = (answer: string): boolean => expected.logLost && answer.endsWith(`\n\n${event.response}`);
  if (prompt.answers.some((answer) => answer === event.response || isRest(answer))) return [];
  return [{ promise: "P2", conversation, turn, what: "its answer is not what the model was made to say" }];
}
