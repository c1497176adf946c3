import { messageIdOf, type Outcome, type StoredTurn, type Summary, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { ClaimedTurn } from "./claimed-turn.ts";
import type { Config } from "./config.ts";
import type { ContextRoom } from "./context-room.ts";
import { createSummariser, type SummariserDeps } from "./memory/summariser.ts";
import { summaryInstruction } from "./memory/summary-text.ts";
import type { AskShortly } from "./short-call.ts";

export interface SummariesDeps extends Pick<SummariserDeps, "stopping" | "onResult"> {
  readonly askShortly: AskShortly;
  readonly room: ContextRoom;
  readonly log: Logger;
}

export interface Summaries {
  /** What the turns before a turn came to, where they may be more than the model can be given: one look-up then, and none else. */
  before(request: TurnRequest, history: readonly StoredTurn[]): Promise<Summary | undefined>;
  /** To be told of every turn that has ended. Waits for nothing, and never throws. */
  ended(request: TurnRequest, outcome: Outcome, turn: Pick<ClaimedTurn, "history">): void;
}

const timeoutMs = 30_000;
/** What a worker that asked may need besides. */
const slackMs = 15_000;
const outputTokens = 1_024;

/** Summaries of the beginnings of long conversations. Undefined: none are wanted. */
export function createSummaries(
  { SUMMARIES, SUMMARY_MODEL: modelName, HISTORY_MESSAGES: messages }: Config,
  bus: SummariserDeps["bus"],
  { askShortly, room, ...deps }: SummariesDeps,
): Summaries | undefined {
  if (SUMMARIES === "off") return undefined;
  const ask = (turn: TurnRequest) => (question: string) =>
    askShortly({
      ...{ purpose: "summary", modelName, turn, timeoutMs, maxOutputTokens: outputTokens },
      messages: [
        { role: "system", content: summaryInstruction },
        { role: "user", content: question },
      ],
      requestId: `${turn.turn_id}-summary`,
    });
  const bounds = () => ({ messages, bytes: room.bytesFor(undefined, []) });
  const summariser = createSummariser({ ...deps, bus, bounds, askedMs: timeoutMs + slackMs });
  return {
    async before({ conversation_id, given }, history) {
      return given?.messages === undefined ? summariser.before(conversation_id, history) : undefined;
    },
    ended(request, outcome, { history }) {
      // Whoever keeps the conversation itself, or has asked no model, is shown nothing of it.
      if (request.given?.messages !== undefined || request.given?.call !== undefined) return;
      const { conversation_id, turn_id } = request;
      // It was waited for before the turn could end; where it was not, nothing is known to be long.
      history.then(
        (turns) => {
          const before = turns.filter((turn) => turn.turn_id !== turn_id);
          summariser.ended(conversation_id, [...before, turnOf(request, outcome)], ask(request));
        },
        () => {},
      );
    },
  };
}

/** As far as its size goes. */
function turnOf({ turn_id, message }: TurnRequest, { response, tool_calls }: Outcome) {
  const common = { turn_id, status: "complete", ts: 0 };
  const of = (role: "user" | "assistant") => ({ ...common, message_id: messageIdOf(turn_id, role), author: { role } });
  return { question: { ...of("user"), message }, answer: { ...of("assistant"), message: response, tool_calls } };
}
