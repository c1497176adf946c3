import { answerMessages, questionId, type ThreadMessage } from "@parley/dialects";
import {
  ChatError,
  storedParts,
  type Caller,
  type ConversationId,
  type StoredTurn,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";

export type ThreadDeps = Pick<FacadeDeps, "bus" | "conversations" | "ownership" | "streams">;

/** Messages of a thread that a client is given; of older ones it is not told. */
const threadMessages = 200;
/** The same as characters: a client that reads events gives up at 10 MB of one of them (`MAX_BUFFER_SIZE` of `@ag-ui/client`). */
const threadChars = 2 * 1024 * 1024;

export interface Thread {
  readonly conversation: ConversationId;
  readonly caller: Caller;
  /** What the client has: its own names of messages stay. */
  readonly has: readonly ThreadMessage[];
}

/** The thread as it is kept, up to and with the question of `until`, or all of it. Empty where nothing is kept of it. */
export async function readThread(deps: ThreadDeps, thread: Thread, until?: TurnId): Promise<ThreadMessage[]> {
  const { conversation } = thread;
  const queued = until === undefined ? undefined : await queuedTurn(deps, conversation, until);
  const { turns } = await deps.conversations.messages(conversation, threadMessages, { before: 0 }).catch(noneOf);
  const nameOf = namesIn(deps, thread);
  const before = turns.slice(0, until === undefined ? undefined : indexOf(turns, until));
  const asked = until === undefined ? undefined : turns.find(({ turn_id }) => turn_id === until)?.question?.message;
  const text = queued?.message ?? asked;
  const question = text === undefined || until === undefined ? [] : [userMessage(nameOf(until, queued?.id), text)];
  return [...lastThatFit(before.map((turn) => messagesOfTurn(turn, nameOf(turn.turn_id, turn.asked)))), ...question];
}

function noneOf(error: unknown): { readonly turns: readonly StoredTurn[] } {
  if (error instanceof ChatError && error.code === "NOT_FOUND") return { turns: [] };
  throw error;
}

function indexOf(turns: readonly StoredTurn[], until: TurnId): number | undefined {
  const at = turns.findIndex(({ turn_id }) => turn_id === until);
  return at < 0 ? undefined : at;
}

export async function queuedTurn(
  { bus }: Pick<ThreadDeps, "bus">,
  conversation: ConversationId,
  turn: TurnId,
): Promise<TurnRequest | undefined> {
  return (await bus.turns.waiting(conversation)).find(({ request }) => request.turn_id === turn)?.request;
}

/** What the client calls the questions of turns. */
function namesIn({ streams }: Pick<ThreadDeps, "streams">, { conversation, caller, has }: Thread) {
  const own = new Map(
    has
      .filter(({ role }) => role === "user")
      .map(({ id }) => [streams.placeOf(caller, conversation, id).turn_id, id] as const),
  );
  return (turn: TurnId, said?: string): string => own.get(turn) ?? said ?? questionId(turn);
}

interface UserMessage extends ThreadMessage {
  readonly content: string;
}

function userMessage(id: string, content: string): UserMessage {
  return { id, role: "user", content };
}

function messagesOfTurn({ turn_id, question, answer }: StoredTurn, name: string): ThreadMessage[] {
  // Of a person who answers in place of the agent, the client has no name.
  if (question?.author.role === "operator")
    return [{ ...userMessage(questionId(turn_id), question.message), role: "assistant" }];
  const asked = question === undefined ? [] : [userMessage(name, question.message)];
  return answer === undefined ? asked : [...asked, ...answerMessages(turn_id, storedParts(answer))];
}

function lastThatFit(turns: readonly (readonly ThreadMessage[])[]): ThreadMessage[] {
  let chars = 0;
  const first = turns.findLastIndex((messages) => (chars += JSON.stringify(messages).length) > threadChars);
  return turns.slice(first + 1).flat();
}
