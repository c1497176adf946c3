import type { ConversationHistory, ModelRequest, Violation } from "../history.ts";
import type { Expected } from "../scenario.ts";
import { turnLogsOf, type TurnLog } from "./turn-log.ts";

/**
 * What may be on its way when a request to cancel is stored: one append in flight and one that was just made. A worker that did not hear
 * of the request writes ten and more, as answers here are not that short.
 */
const textsOnTheirWay = 4;
/** How long the simulated model may take to notice that its caller has left. */
const noticeMs = 2_000;

/** P6: a cancelled turn stops: its text, its end, and its request to the model. */
export function checkCancels(
  history: ConversationHistory,
  requests: readonly ModelRequest[],
  expected: Expected,
): Violation[] {
  const conversation = history.plan.id;
  return [...turnLogsOf(history).values()].flatMap((log) =>
    [...stopFaults(log, expected), ...requestFaults(log, requests, expected)].map((what) => ({
      promise: "P6" as const,
      conversation,
      turn: log.turn,
      what,
    })),
  );
}

function stopFaults({ chain, control, terminal }: TurnLog, expected: Expected): string[] {
  if (control === undefined) return [];
  const { cancelWithinMs, agentsHearLateMs } = expected;
  const heardMs = agentsHearLateMs === 0 ? 0 : control.event.ts + agentsHearLateMs;
  const after = chain.filter(
    ({ seq, event }) => seq > control.seq && event.type === "token" && event.ts >= heardMs,
  ).length;
  if (after > textsOnTheirWay) return [`${after} texts were stored after the request to cancel it`];
  if (terminal?.event.type !== "cancelled") return [];
  const tookMs = terminal.event.ts - control.event.ts;
  return tookMs > cancelWithinMs ? [`it ended ${tookMs} ms after the request to cancel it`] : [];
}

function requestFaults({ turn, terminal }: TurnLog, requests: readonly ModelRequest[], expected: Expected): string[] {
  const end = terminal?.event;
  if (end === undefined) return [];
  return requests
    .filter(({ client_request_id }) => client_request_id?.startsWith(`${turn}-`) === true)
    .flatMap(({ client_request_id, state, ended_at }) => {
      if (state === "open" || ended_at === null) return [`request ${client_request_id} to the model is still open`];
      const lateMs = end.type === "cancelled" ? ended_at - end.ts : 0;
      return lateMs > noticeMs + expected.cancelWithinMs
        ? [`request ${client_request_id} to the model was closed ${lateMs} ms after the turn's end`]
        : [];
    });
}
