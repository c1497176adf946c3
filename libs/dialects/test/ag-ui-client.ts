import { z } from "zod";

/**
 * What AG-UI's clients do with the events of a run, as far as it can go wrong: the verifier's order of events and the reducer of messages of `@ag-ui/client` 0.0.59
 * and 1.0.0, without their subscribers. Throws where they would end the run.
 */

const Call = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) });
const Message = z.looseObject({
  id: z.string(),
  role: z.string(),
  content: z.unknown(),
  toolCalls: z.array(Call).optional(),
  toolCallId: z.string().optional(),
});
export type ClientMessage = z.infer<typeof Message>;

const Event = z.looseObject({
  type: z.string(),
  messageId: z.string().optional(),
  toolCallId: z.string().optional(),
  toolCallName: z.string().optional(),
  parentMessageId: z.string().optional(),
  delta: z.string().optional(),
  content: z.unknown().optional(),
  messages: z.array(Message).optional(),
});
type Event = z.infer<typeof Event>;

export function createAgUiClient(has: readonly ClientMessage[] = []) {
  let messages: ClientMessage[] = structuredClone([...has]);
  let state: "new" | "running" | "finished" | "failed" = "new";
  const open = {
    text: new Set<string>(),
    call: new Set<string>(),
    span: new Set<string>(),
    thought: new Set<string>(),
  };
  const events: Event[] = [];

  const expectIt = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(what);
  };
  const begin = (kind: keyof typeof open, id = ""): void => {
    expectIt(!open[kind].has(id), `${kind} ${id} is in progress`);
    open[kind].add(id);
  };
  const go = (kind: keyof typeof open, id = ""): void => expectIt(open[kind].has(id), `no ${kind} ${id} is open`);
  const end = (kind: keyof typeof open, id = ""): void => {
    go(kind, id);
    open[kind].delete(id);
  };
  const find = (id = ""): ClientMessage | undefined => messages.find((message) => message.id === id);
  const grow = ({ messageId, delta = "" }: Event): void => {
    const message = find(messageId);
    if (message !== undefined) message.content = `${String(message.content)}${delta}`;
  };
  const add = (role: string, { messageId = "" }: Event): void => {
    if (find(messageId) === undefined) messages.push({ id: messageId, role, content: "" });
  };
  const callIn = (id = "") => messages.flatMap(({ toolCalls = [] }) => toolCalls).find((call) => call.id === id);

  const startCall = ({ toolCallId: id = "", toolCallName: name = "", parentMessageId = id }: Event): void => {
    if (callIn(id) !== undefined) return;
    if (find(parentMessageId) === undefined) messages.push({ id: parentMessageId, role: "assistant", content: "" });
    const parent = find(parentMessageId);
    if (parent !== undefined) (parent.toolCalls ??= []).push({ id, function: { name, arguments: "" } });
  };
  const addResult = ({ messageId = "", toolCallId = "", content }: Event): void => {
    const owner = messages.findIndex(({ toolCalls = [] }) => toolCalls.some(({ id }) => id === toolCallId));
    let at = owner < 0 ? messages.length : owner + 1;
    while (owner >= 0 && messages[at]?.role === "tool") at++;
    messages.splice(at, 0, { id: messageId, role: "tool", toolCallId, content });
  };
  const replace = (given: readonly ClientMessage[]): void => {
    const clientOnly = ["activity", "reasoning"].filter((role) => given.every((message) => message.role !== role));
    const byId = new Map(given.map((message) => [message.id, message]));
    const isKept = ({ role }: ClientMessage): boolean => clientOnly.includes(role);
    const kept = messages.filter((message) => isKept(message) || byId.has(message.id));
    messages = kept.map((message) => (isKept(message) ? message : structuredClone(byId.get(message.id) ?? message)));
    messages.push(...structuredClone(given.filter(({ id }) => find(id) === undefined)));
  };
  const finish = (): void => {
    const left = Object.values(open).flatMap((ids) => [...ids]);
    expectIt(left.length === 0, `still open: ${left.join(", ")}`);
    state = "finished";
  };

  const rules: Readonly<Record<string, (event: Event) => void>> = {
    TEXT_MESSAGE_START: (event) => {
      begin("text", event.messageId);
      add("assistant", event);
    },
    TEXT_MESSAGE_CONTENT: (event) => {
      go("text", event.messageId);
      grow(event);
    },
    TEXT_MESSAGE_END: (event) => end("text", event.messageId),
    REASONING_START: (event) => begin("span", event.messageId),
    REASONING_MESSAGE_START: (event) => {
      begin("thought", event.messageId);
      add("reasoning", event);
    },
    REASONING_MESSAGE_CONTENT: (event) => {
      go("thought", event.messageId);
      grow(event);
    },
    REASONING_MESSAGE_END: (event) => end("thought", event.messageId),
    REASONING_END: (event) => end("span", event.messageId),
    TOOL_CALL_START: (event) => {
      begin("call", event.toolCallId);
      startCall(event);
    },
    TOOL_CALL_ARGS: (event) => {
      go("call", event.toolCallId);
      const call = callIn(event.toolCallId);
      if (call !== undefined) call.function.arguments += event.delta ?? "";
    },
    TOOL_CALL_END: (event) => end("call", event.toolCallId),
    TOOL_CALL_RESULT: addResult,
    MESSAGES_SNAPSHOT: (event) => replace(event.messages ?? []),
    ACTIVITY_SNAPSHOT: ({ messageId = "", content }) => {
      messages = messages.filter(({ id }) => id !== messageId);
      messages.push({ id: messageId, role: "activity", content });
    },
    ACTIVITY_DELTA: ({ messageId = "" }) => expectIt(find(messageId)?.role === "activity", `no activity ${messageId}`),
    CUSTOM: () => {},
    RUN_STARTED: () => {},
    RUN_FINISHED: finish,
    RUN_ERROR: () => {
      state = "failed";
    },
  };

  return {
    events,
    types: (): string[] => events.map(({ type }) => type),
    get state() {
      return state;
    },
    /** What a person would see of it: no activities, no empty messages. */
    shown: () => messages.filter(isShown).map(({ id: _id, metadata: _metadata, ...message }) => message),
    get messages(): readonly ClientMessage[] {
      return messages;
    },
    /** Takes the bytes of a stream, as they are on the wire. */
    take(bytes: readonly Uint8Array[]): void {
      const text = Buffer.concat([...bytes]).toString();
      for (const one of text.split("\n\n").filter((line) => line !== "")) {
        expectIt(one.startsWith("data: ") && !one.includes("\r"), `not an event: ${one}`);
        expectIt(!/:null[,}]/.test(one), `null in ${one}`);
        const event = Event.parse(JSON.parse(one.slice("data: ".length)));
        expectIt(state !== "finished" && state !== "failed", `${event.type} comes after the end`);
        expectIt(state !== "new" || ["RUN_STARTED", "RUN_ERROR"].includes(event.type), `${event.type} comes first`);
        const rule = rules[event.type];
        if (rule === undefined) throw new Error(`${event.type} is not known`);
        if (event.type === "RUN_STARTED") state = "running";
        events.push(event);
        rule(event);
      }
    },
  };
}

function isShown({ role, content, toolCalls = [] }: ClientMessage): boolean {
  return role !== "activity" && (content !== "" || toolCalls.length > 0 || role === "tool");
}
