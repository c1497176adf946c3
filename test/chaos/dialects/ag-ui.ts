import { randomUUID } from "node:crypto";
import { z } from "zod";
import { allWords, type Seen } from "./seen.ts";
import type { Look, Viewer } from "./viewer.ts";
import { ask, Breach, Elsewhere, jsonOf, readAs, serverEvents, type AskedMessage, type TurnPlace } from "./visit.ts";

const Message = z.looseObject({
  id: z.string(),
  role: z.string(),
  content: z.unknown().optional(),
  error: z.string().optional(),
  toolCallId: z.string().optional(),
  toolCalls: z.array(z.looseObject({ id: z.string(), function: z.looseObject({ name: z.string() }) })).optional(),
});
const text = z.string().optional();
const Event = z.looseObject({
  type: z.string(),
  ...{ messageId: text, toolCallId: text, toolCallName: text, parentMessageId: text, role: text, delta: text },
  ...{ code: text, name: text },
  messages: z.array(Message).optional(),
  metadata: z.looseObject({ turn_id: text, status: text }).optional(),
  outcome: z.looseObject({ type: z.string() }).optional(),
});
type Event = z.infer<typeof Event>;

interface Version {
  readonly name: string;
  readonly path: string;
  readonly body: (place: TurnPlace) => object;
  readonly isOne: boolean;
}

/** A run that asks nothing new: it attaches to the turn from its beginning, and its snapshot replaces what there was. */
function agUi({ name, path, body, isOne }: Version): Viewer {
  return {
    name,
    words: allWords,
    look(place): Look {
      let run = createRun(place, isOne);
      return {
        async visit(visit) {
          run = createRun(place, isOne);
          const names = { threadId: place.conversation, runId: randomUUID(), state: {}, tools: [], context: [] };
          const asked = { ...names, forwardedProps: {}, ...body(place) };
          for await (const { data } of serverEvents(await ask(visit, path, { body: asked })))
            run.take(readAs(Event, jsonOf(data)));
          return run.close();
        },
        seen: () => run.seen(),
      };
    },
  };
}

export const agUi1 = agUi({
  name: "AG-UI 1.0, run",
  path: "/api/ag-ui",
  isOne: true,
  body: ({ message }) => ({ protocolVersion: "1.0", messages: message === undefined ? [] : threadOf(message) }),
});

export const agUi059 = agUi({
  name: "AG-UI 0.0.59, CopilotKit's connect",
  path: "/api/copilotkit/agent/default/connect",
  isOne: false,
  body: () => ({ messages: [] }),
});

/** A client that has its question, and something of the answer. */
function threadOf({ id, text: content }: AskedMessage): object[] {
  return [
    { id, role: "user", content },
    { id: "seen", role: "assistant", content: "" },
  ];
}

interface Shown {
  readonly id: string;
  readonly role: string;
  content: string;
  readonly calls: { readonly id: string; readonly name: string }[];
}

function createRun({ turn }: TurnPlace, isOne: boolean) {
  let messages: Shown[] = [];
  const statuses = new Map<string, string>();
  /** What was begun and not closed. */
  const open = new Set<string>();
  let [isStarted, isCancelled] = [false, false];
  /** The run is only of what is kept. */
  let isKept = false;
  let end: string | undefined;

  const opened = (id: string): void => {
    if (open.has(id)) throw new Breach(`${id} is begun twice`);
    open.add(id);
  };
  const closed = (id: string): void => {
    if (!open.delete(id)) throw new Breach(`${id} is closed and was not begun`);
  };
  const messageOf = (id: string, role: string): Shown => {
    const known = messages.find((one) => one.id === id);
    if (known !== undefined) return known;
    const made = { id, role, content: "", calls: [] };
    messages.push(made);
    return made;
  };
  const replace = ({ messages: all = [] }: Event): void => {
    messages = all.map(({ id, role, content, toolCalls = [] }) => ({
      ...{ id, role, content: typeof content === "string" ? content : "" },
      calls: toolCalls.map((call) => ({ id: call.id, name: call.function.name })),
    }));
    for (const { role, toolCallId = "", error = "completed" } of all)
      if (role === "tool") statuses.set(toolCallId, error);
  };

  const takeMessage = ({ type, messageId: id = "", role = "assistant", delta = "" }: Event): void => {
    const [what, isReasoning] = [type.split("_").at(-1), type.startsWith("REASONING")];
    if (what === "START") opened(id);
    if (what === "END") return closed(id);
    if (!open.has(id)) throw new Breach(`${type} of a message that is not open`);
    messageOf(id, isReasoning ? "reasoning" : role).content += delta;
  };
  const takeCall = (event: Event): void => {
    const { type, toolCallId: id = "", toolCallName: name = "", parentMessageId = "", metadata } = event;
    if (type === "TOOL_CALL_START") {
      opened(id);
      messageOf(parentMessageId, "assistant").calls.push({ id, name });
    } else if (type === "TOOL_CALL_END") closed(id);
    else if (type === "TOOL_CALL_RESULT") {
      if (statuses.has(id)) throw new Breach("a call has two results");
      statuses.set(id, metadata?.status ?? "completed");
    } else if (!open.has(id)) throw new Breach(`${type} of a call that is not open`);
  };
  const takeEnd = ({ type, outcome, code }: Event): void => {
    if (open.size > 0) throw new Breach("something is open at the end");
    if (type === "RUN_ERROR") end = `error:${code}`;
    else if (outcome?.type === "interrupt") end = "asked";
    else end = isCancelled || outcome?.type === "cancelled" ? "cancelled" : "complete";
    if (!isOne && outcome !== undefined && outcome.type !== "interrupt") throw new Breach("an outcome of AG-UI 1.0");
  };
  const begin = ({ type, metadata }: Event): void => {
    if (type !== "RUN_STARTED") throw new Breach(`the first event is ${type}`);
    isStarted = true;
    isKept = metadata?.turn_id === undefined;
    if (!isKept && metadata?.turn_id !== turn) throw new Elsewhere("another turn runs");
  };

  return {
    take(event: Event): void {
      const { type } = event;
      if (end !== undefined) throw new Breach(`${type} after the end`);
      if (!isStarted) return begin(event);
      if (type === "MESSAGES_SNAPSHOT") return replace(event);
      if (/^(TEXT|REASONING)_MESSAGE_/.test(type)) return takeMessage(event);
      if (type.startsWith("TOOL_CALL_")) return takeCall(event);
      if (type === "RUN_FINISHED" || type === "RUN_ERROR") return takeEnd(event);
      if (type === "CUSTOM") isCancelled ||= event.name === "cancelled";
      else if (!/^(ACTIVITY_|REASONING_(START|END)$)/.test(type)) throw new Breach(`there is no event ${type}`);
    },
    close(): "over" | "again" {
      if (end === undefined) throw new Breach("the stream ended without an end");
      // Where a thread is told as it is kept, nothing of it runs or waits.
      return end === "asked" ? "again" : "over";
    },
    seen(): Seen {
      const own = messages.filter(({ id }) => id.startsWith(`${turn}-`));
      const texts = (role: string): string => own.flatMap((one) => (one.role === role ? [one.content] : [])).join("");
      return {
        text: texts("assistant"),
        reasoning: texts("reasoning"),
        calls: own.flatMap(({ calls }) => calls).map(({ id, name }) => ({ name, status: statuses.get(id) ?? "open" })),
        // A thread as it is kept does not say how its turns ended.
        end: isKept ? undefined : end,
      };
    },
  };
}
