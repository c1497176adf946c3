import { runIdOf } from "@parley/dialects";
import type { Seen, Words } from "./seen.ts";
import type { Viewer } from "./viewer.ts";
import { ask, Breach, jsonOf, readAs, serverEvents, Typed } from "./visit.ts";

const words: Words = {
  statusOf: (status, isAsked) => (status === "completed" || (status === "denied" && isAsked) ? status : "failed"),
  endOf: (end) => end,
};

/** Each resumed stream has the answer from its beginning, in the place of what was there. */
function aiSdk(version: 6 | 7): Viewer {
  return {
    name: `AI SDK ${version}`,
    words,
    look({ conversation, turn }) {
      const run = runIdOf({ conversation_id: conversation, turn_id: turn });
      let message = createMessage(version, turn);
      return {
        async visit(visit) {
          message = createMessage(version, turn);
          const answer = await ask(visit, `/api/ai/chat/${run}/stream?v=${version}`);
          if (answer.status === 204) throw new Breach("204: the turn is not known");
          for await (const { data } of serverEvents(answer)) message.take(data);
          return message.close();
        },
        seen: () => message.seen(),
      };
    },
  };
}

export const aiSdk6 = aiSdk(6);
export const aiSdk7 = aiSdk(7);

interface Text {
  readonly kind: "text" | "reasoning";
  readonly id: string;
  text: string;
  isOpen: boolean;
}

interface Tool {
  readonly kind: "tool";
  readonly id: string;
  readonly name: string;
  status: string;
}

interface Message {
  readonly version: 6 | 7;
  readonly turn: string;
  parts: (Text | Tool)[];
  /** Where the open step begins. */
  step: number;
  isStarted: boolean;
  code: string;
  end: string | undefined;
  isDone: boolean;
}

type Chunk = Typed;

function createMessage(version: 6 | 7, turn: string) {
  const empty = { parts: [], step: 0, isStarted: false, code: "", end: undefined, isDone: false };
  const message: Message = { version, turn, ...empty };
  return {
    take(data: string): void {
      if (message.isDone) throw new Breach("something follows [DONE]");
      if (data === "[DONE]") message.isDone = true;
      else takeChunk(message, readAs(Typed, jsonOf(data)));
    },
    /** At the end of the stream. */
    close(): "over" | "again" {
      const { end, isDone, parts } = message;
      if (end === undefined || !isDone) throw new Breach("the stream ended without an end");
      if (end !== "asked" && parts.some((part) => part.kind !== "tool" && part.isOpen))
        throw new Breach("a part is open at the end");
      return end === "asked" ? "again" : "over";
    },
    seen: (): Seen => ({
      text: textOf(message, "text"),
      reasoning: textOf(message, "reasoning"),
      calls: message.parts.filter((part) => part.kind === "tool").map(({ name, status }) => ({ name, status })),
      end: message.end,
    }),
  };
}

function textOf({ parts }: Message, kind: Text["kind"]): string {
  return parts.flatMap((part) => (part.kind === kind ? [part.text] : [])).join("");
}

/** Chunks that add nothing to what is compared. */
const passedOver: ReadonlySet<string> = new Set([
  ...["finish-step", "source-url", "source-document", "data-progress", "data-thinking", "data-approval", "data-end"],
  ...["tool-approval-request", "tool-approval-response"],
]);

function takeChunk(message: Message, chunk: Chunk): void {
  if (message.end !== undefined && !(message.end === "cancelled" && chunk.type === "finish" && !message.isDone))
    throw new Breach(`${chunk.type} after the end`);
  if (!message.isStarted && chunk.type !== "start") throw new Breach(`the first chunk is ${chunk.type}`);
  if (passedOver.has(chunk.type)) return;
  if (/^(text|reasoning)-/.test(chunk.type)) return takeText(message, chunk);
  if (chunk.type.startsWith("tool-")) return takeTool(message, chunk);
  return takeOther(message, chunk);
}

function takeOther(message: Message, chunk: Chunk): void {
  switch (chunk.type) {
    case "start":
      return start(message, chunk);
    case "start-step":
      message.step = message.parts.length;
      return;
    case "reset-step":
      if (message.version !== 7) throw new Breach("reset-step, which only the seventh knows");
      message.parts.length = message.step;
      return;
    case "data-error":
      message.code = String(readAs(Typed.partial(), chunk["data"])["code"]);
      return;
    case "error":
      message.end = `error:${message.code}`;
      return;
    case "abort":
      message.end = "cancelled";
      return;
    case "finish":
      message.end ??= endOf(chunk);
      return;
    default:
      throw new Breach(`there is no chunk ${chunk.type}`);
  }
}

function endOf({ finishReason }: Chunk): string {
  return finishReason === "tool-calls" ? "asked" : "complete";
}

function start(message: Message, { messageId }: Chunk): void {
  if (message.isStarted || messageId !== `${message.turn}-a`) throw new Breach("it starts as another one");
  message.isStarted = true;
}

function takeText({ parts }: Message, { type, id, delta }: Chunk): void {
  const [kind, what] = type.split("-");
  if ((kind !== "text" && kind !== "reasoning") || typeof id !== "string") throw new Breach(`${type} of no part`);
  const open = parts.find((part): part is Text => part.kind === kind && part.id === id && part.isOpen);
  if (what === "start" && open === undefined) parts.push({ kind, id, text: "", isOpen: true });
  else if (what === "delta" && open !== undefined) open.text += String(delta);
  else if (what === "end" && open !== undefined) open.isOpen = false;
  else throw new Breach(`${type} of a part that is ${open === undefined ? "not " : ""}open`);
}

const ends: Readonly<Record<string, string>> = {
  "tool-output-available": "completed",
  "tool-output-error": "failed",
  "tool-output-denied": "denied",
};

function takeTool({ parts }: Message, { type, toolCallId: id, toolName, preliminary }: Chunk): void {
  const known = parts.find((part): part is Tool => part.kind === "tool" && part.id === id);
  if (type === "tool-input-available") {
    if (known !== undefined || typeof id !== "string") throw new Breach("a call is told twice");
    parts.push({ kind: "tool", id, name: String(toolName), status: "open" });
    return;
  }
  const status = ends[type];
  if (status === undefined) throw new Breach(`there is no chunk ${type}`);
  if (known?.status !== "open") throw new Breach(`${type} of a call that does not run`);
  if (preliminary !== true) known.status = status;
}
