import { cutJsonText, jsonBytes } from "@parley/protocol";
import { z } from "zod";
import type { RequestMessage } from "../chat-completions/content.ts";
import { paramError } from "../openai/error.ts";

/**
 * What a client that keeps the conversation itself begins a new chain with, in place of all that was said. No model is asked for it: it is what was said last, within
 * bounds. It is its client's own words and goes where these would, so it is neither sealed nor kept: who changes it changes their own prompt.
 */

const begin = "parley-compaction-1.";
/** Of the messages, encoded. A request may bring four times as much. */
const mostBytes = 64 * 1024;
/** What is left of one message of a round that alone is too large. */
const mostTextBytes = 8 * 1024;
/** In base64, with its beginning. */
const mostChars = Math.ceil((mostBytes * 4) / 3) + begin.length;

const Message = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.string().nullish(),
  tool_calls: z
    .array(
      z.object({
        id: z.string(),
        type: z.string().optional(),
        function: z.object({ name: z.string(), arguments: z.string() }).optional(),
      }),
    )
    .nullish(),
  tool_call_id: z.string().nullish(),
});
const Messages = z.array(z.unknown());

/** A question, with all that was said to it. */
type Round = readonly RequestMessage[];

export function compactionItem(id: string, messages: readonly RequestMessage[]): object {
  const kept = shortened(messages);
  const encrypted_content = begin + Buffer.from(JSON.stringify(kept)).toString("base64url");
  return { id, type: "compaction", encrypted_content };
}

/** Throws for what is none of ours. */
export function messagesOfCompaction(content: string, param: string): RequestMessage[] {
  const text = content.startsWith(begin) && content.length <= mostChars ? content.slice(begin.length) : "";
  try {
    // One by one: the first that is wrong ends it.
    const messages = Messages.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
    return messages.map((message) => Message.parse(message));
  } catch {
    throw paramError(param, "It is no compaction of this service's.");
  }
}

/** What stands before the first question, and the newest rounds that have room with it. */
function shortened(messages: readonly RequestMessage[]): RequestMessage[] {
  const [head = [], ...rounds] = roundsOf(messages);
  const kept = bytesOf(head) <= mostBytes / 4 ? [...head] : [];
  const [newest = [], ...earlier] = rounds.toReversed();
  const chosen: Round[] = [bytesOf(newest) <= mostBytes / 2 ? newest : beginningsOf(newest)];
  for (const round of earlier) {
    if (bytesOf([...kept, ...chosen.flat(), ...round]) > mostBytes - noteBytes) break;
    chosen.unshift(round);
  }
  const left = rounds.length - chosen.length;
  return [...kept, ...(left > 0 ? [noteOf(left)] : []), ...chosen.flat()];
}

/** The first is what stands before any question. */
function roundsOf(messages: readonly RequestMessage[]): Round[] {
  const rounds: RequestMessage[][] = [[]];
  for (const message of messages) {
    if (message.role === "user") rounds.push([message]);
    else rounds.at(-1)?.push(message);
  }
  return rounds;
}

const noteBytes = 256;

/** The model is not to believe that it was told all. */
function noteOf(left: number): RequestMessage {
  return {
    role: "system",
    content: `Of this conversation ${left} earlier messages and their answers are left out here.`,
  };
}

/** The question and the last words to it: calls, which are worth nothing without their whole results, are left out. */
function beginningsOf(round: Round): Round {
  const last = round.findLast(({ role, content }) => role === "assistant" && Boolean(content));
  return [...round.slice(0, 1), ...(last === undefined ? [] : [last])].map(({ role, content }) => {
    const text = typeof content === "string" ? content : "";
    const kept = cutJsonText(text, mostTextBytes);
    return { role, content: kept === text ? text : `${kept}…` };
  });
}

function bytesOf(messages: Round): number {
  return jsonBytes([...messages]);
}
