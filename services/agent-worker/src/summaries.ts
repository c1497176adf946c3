import { messageIdOf, type Outcome, type StoredTurn, type Summary, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { ClaimedTurn } from "./claimed-turn.ts";
import type { Config } from "./config.ts";
import type { ContextRoom } from "./context-room.ts";
import { createSummariser, type SummariserDeps, type TellRoom } from "./memory/summariser.ts";
import { summaryInstruction } from "./memory/summary-text.ts";
import { sharedRoomOf, type SharedRoom } from "./rooms/room-context.ts";
import { readRoom, type RoomBus } from "./rooms/room-reading.ts";
import type { AskShortly } from "./short-call.ts";

export interface SummariesDeps extends Pick<SummariserDeps, "stopping" | "onResult"> {
  readonly askShortly: AskShortly;
  readonly room: ContextRoom;
  readonly log: Logger;
}

export interface Summaries {
  /** What the turns before a turn came to, where they may be more than the model can be given: one look-up then, and none else. */
  before(request: TurnRequest, history: readonly StoredTurn[], room?: SharedRoom): Promise<Summary | undefined>;
  /** To be told of every turn that has ended. Waits for nothing, and never throws. */
  ended(request: TurnRequest, outcome: Outcome, turn: Pick<ClaimedTurn, "history" | "room">): void;
}

const timeoutMs = 30_000;
/** What a worker that asked may need besides. */
const slackMs = 15_000;
const outputTokens = 1_024;

/** Summaries of the beginnings of long conversations. Undefined: none are wanted. */
export function createSummaries(
  { SUMMARIES, SUMMARY_MODEL: modelName, HISTORY_MESSAGES: messages }: Config,
  bus: SummariserDeps["bus"] & RoomBus,
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
    async before({ conversation_id, given }, history, room) {
      if (given?.messages !== undefined) return undefined;
      return summariser.before(conversation_id, room?.told(history) ?? history);
    },
    ended(request, outcome, { history, room }) {
      // Whoever keeps the conversation itself, or has asked no model, is shown nothing of it.
      if (request.given?.messages !== undefined || request.given?.call !== undefined) return;
      const { conversation_id, turn_id } = request;
      // Both were waited for before the turn could end; where they were not, nothing is known to be long.
      Promise.all([history, room]).then(
        ([turns, known]) => {
          const before = turns.filter((turn) => turn.turn_id !== turn_id);
          const told = sharedRoomOf({ room: known, request, history: before })?.told(before);
          const tell = told === undefined ? undefined : tellRoom(request, bus);
          summariser.ended(conversation_id, [...(told ?? before), turnOf(request, outcome)], ask(request), tell);
        },
        () => {},
      );
    },
  };
}

/** Newest posts that are read for a summary: as far back as turns are. */
const mostPosts = 800;

/** With the posts of all turns that a summary may tell of: more than a turn is told. */
function tellRoom(request: TurnRequest, bus: RoomBus): TellRoom {
  return async (turns, summary) => {
    const room = await readRoom(request, { bus, limit: mostPosts });
    return sharedRoomOf({ room, request, history: turns })?.told(turns, summary) ?? turns;
  };
}

/** As far as its size goes. */
function turnOf({ turn_id, message }: TurnRequest, { response, tool_calls }: Outcome) {
  const common = { turn_id, status: "complete", ts: 0 };
  const of = (role: "user" | "assistant") => ({ ...common, message_id: messageIdOf(turn_id, role), author: { role } });
  return { question: { ...of("user"), message }, answer: { ...of("assistant"), message: response, tool_calls } };
}
