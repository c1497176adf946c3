import type { ConversationHistory, History, Violation } from "../history.ts";
import { ofType, turnLogsOf, type TurnLog } from "./turn-log.ts";

/** P5, of messages: the same client id is the same turn, and a refused message is none. */
export function checkRepeats({ plan, answers, events }: ConversationHistory): Violation[] {
  const conversation = plan.id;
  const violations: Violation[] = [];
  const turns = new Map<string, string>();
  for (const { id, answer } of answers) {
    if (answer.kind !== "accepted") continue;
    const known = turns.get(id);
    if (known !== undefined && known !== answer.turn)
      violations.push({ promise: "P5", conversation, turn: answer.turn, what: `message ${id} is also turn ${known}` });
    turns.set(id, answer.turn);
  }
  for (const { id, answer } of answers) {
    if (answer.kind === "accepted" || turns.has(id)) continue;
    const stored = events.find(({ event }) => event.type === "message" && event.id === id);
    if (stored !== undefined)
      violations.push({
        promise: "P5",
        conversation,
        turn: stored.turn,
        what: `message ${id} was refused (${answer.code}) and ran`,
      });
  }
  return violations;
}

/** How long a run that had begun before the result was stored may still show signs of life. */
const graceMs = 2_000;

/** P5, of tools: every call has one result before the end, and none is run again once it has one. */
export function checkCalls(history: ConversationHistory): Violation[] {
  const conversation = history.plan.id;
  return [...turnLogsOf(history).values()].flatMap((log) =>
    callFaults(log).map((what) => ({ promise: "P5" as const, conversation, turn: log.turn, what })),
  );
}

function callFaults({ events, terminal }: TurnLog): string[] {
  const faults: string[] = [];
  const results = new Map(
    events.filter((stored) => ofType(stored, "tool_call_end")).map((stored) => [stored.event.call_id, stored]),
  );
  for (const { event: step } of events.filter((stored) => ofType(stored, "step"))) {
    for (const { call_id } of step.tool_calls) {
      const result = results.get(call_id);
      if (terminal !== undefined && (result === undefined || result.seq > terminal.seq))
        faults.push(`call ${call_id} has no result before the end`);
    }
  }
  for (const { event } of events.filter((stored) => ofType(stored, "tool_call_progress"))) {
    const result = results.get(event.call_id);
    // Every run of a demonstration tool that takes its time begins with this line.
    const isStart = event.message.startsWith("0 of ");
    if (isStart && result?.event.status === "completed" && event.ts > result.event.ts + graceMs)
      faults.push(`call ${event.call_id} was run again after its result had been stored`);
  }
  return faults;
}

/** P5, of tools that change something: at most one execution per call. */
export function checkExecutions({ executions }: Pick<History, "executions">): Violation[] {
  return [...executions]
    .filter(([, count]) => count > 1)
    .map(([call, count]) => ({
      promise: "P5",
      what: `call ${call} of a tool that changes something was executed ${count} times`,
    }));
}
