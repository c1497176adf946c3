import { tellsHandover, type StoredTurn } from "@parley/protocol";
import type { ModelMessage } from "../model/model.ts";

type SaidTurn = Pick<StoredTurn, "question" | "answer">;

/**
 * What the model gets to see of a turn in which no model answered because the conversation was handed over: what the user or the person wrote, and who it was. Undefined: of
 * any other turn.
 */
export function handedOverMessages({ question, answer }: SaidTurn): ModelMessage[] | undefined {
  if (question === undefined || answer === undefined || !isNote(answer)) return undefined;
  const { author, message } = question;
  if (author.role !== "operator") return [{ role: "user", content: message }];
  const who = author.name === undefined ? "A person of the staff" : `${author.name}, a person of the staff,`;
  return [{ role: "assistant", content: `[${who} wrote in your place:]\n${message}` }];
}

/** What an agent says itself when it asks for a person has a model. */
function isNote(answer: NonNullable<SaidTurn["answer"]>): boolean {
  const { metadata, message } = answer;
  return tellsHandover(answer) && metadata?.model === undefined && metadata?.handover !== undefined && message === "";
}

const nothing = "[A person of the staff had this conversation, and you were silent.]";
const before = "[What came before is left out.]";

/**
 * The earlier turns' messages, so that user and assistant take turns: some chat templates refuse anything else. Several of one side become one; behind the user's last ones
 * stands that the assistant was silent.
 */
export function inTurns(messages: readonly ModelMessage[]): ModelMessage[] {
  const joined = joinedTurns(messages);
  if (joined.at(-1)?.role === "user") joined.push({ role: "assistant", content: nothing });
  return joined;
}

/** The same, up to where the user asks. */
export function joinedTurns(messages: readonly ModelMessage[]): ModelMessage[] {
  const joined: ModelMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const both = last === undefined ? undefined : joinedWith(last, message);
    if (both === undefined) joined.push(message);
    else joined[joined.length - 1] = both;
  }
  if (joined[0]?.role === "assistant") joined.unshift({ role: "user", content: before });
  return joined;
}

function joinedWith(one: ModelMessage, other: ModelMessage): ModelMessage | undefined {
  if (!isPlain(one) || !isPlain(other) || one.role !== other.role) return undefined;
  return { role: one.role, content: `${one.content}\n\n${other.content}` };
}

type Plain = { role: "user" | "assistant"; content: string };

function isPlain(message: ModelMessage): message is Plain {
  const { role, content } = message;
  return (role === "user" || role === "assistant") && typeof content === "string" && !("tool_calls" in message);
}
