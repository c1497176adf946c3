import { shownTurn } from "@parley/testkit";
import type { ConversationView } from "@parley/protocol";
import type { ConversationHistory } from "../history.ts";
import type { Walk } from "./viewer-walk.ts";

/** Every turn's end was seen, once, and with what is stored; also by whoever was told `accepted` when it was over already. */
export function checkEndsSeen(walk: Walk, device: string, { records, answers }: ConversationHistory): void {
  const { ends, told, view, expected, spoilt, report } = walk;
  const asked = new Set(
    answers.flatMap((given) =>
      given.device === device && given.answer.kind === "accepted" ? [given.answer.turn] : [],
    ),
  );
  for (const { turn_id, author, message, status } of records) {
    if (author.role !== "assistant" || (isBeforeWalk(walk, turn_id) && !asked.has(turn_id))) continue;
    const count = ends.get(turn_id) ?? 0;
    if (count > 1 && !expected.logLost) report("P1", `it was told ${count} times how the turn ended`, turn_id);
    const seen = told.get(turn_id) ?? seenIn(view, turn_id);
    if (seen === undefined) report("P1", "it was never told how the turn ended", turn_id);
    else if (!spoilt.has(turn_id)) checkSame(report, turn_id, seen, { text: message, status });
  }
}

/** The turn had ended before this viewer began to watch. */
function isBeforeWalk({ logs, expected, knowsFrom }: Walk, turn: string): boolean {
  const terminal = logs.get(turn)?.terminal;
  return terminal === undefined ? !expected.logLost : terminal.seq < (knowsFrom ?? 0);
}

interface EndState {
  readonly text: string;
  readonly status: string;
}

function checkSame(report: Walk["report"], turn: string, seen: EndState, stored: EndState): void {
  if (seen.text === stored.text && seen.status === stored.status) return;
  const has = `it has ${seen.text.length} characters (${seen.status})`;
  report("P2", `${has}, stored are ${stored.text.length} (${stored.status})`, turn);
}

function seenIn(view: ConversationView, turnId: string): { text: string; status: string } | undefined {
  const turn = shownTurn(view, turnId);
  return turn?.outcome === undefined ? undefined : { text: turn.text, status: turn.outcome.type };
}
