import { pendingApprovals } from "@parley/protocol/fold";
import type { Client } from "../client.ts";
import type { Conversation } from "../conversation-handle.ts";
import { obey, type Thread } from "./commands.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createEventQueue } from "./event-queue.ts";
import { follow } from "./following.ts";
import { questionOf } from "./steps.ts";
import type { Channel, Command, CommandResponse, ErrorResponse, StreamFilter, ThreadEvent } from "./protocol.ts";

export interface LangGraphAdapterOptions {
  readonly client: Pick<Client, "conversation" | "on" | "state">;
  /** The conversation's id; without, the SDK says which by `setThreadId`. */
  readonly threadId?: string;
}

export interface LangGraphStream {
  /** Leaving the loop over it closes the stream. Throws where its reader is 10,000 events behind: the stream is closed then. */
  readonly events: AsyncIterable<ThreadEvent>;
  /** The conversation is subscribed to, or is not there yet: it begins with its first message. Rejects with the server's ChatError. */
  readonly ready: Promise<void>;
  readonly close: () => void;
}

interface ThreadState {
  /** Messages. The SDK lets whoever asks say of what type they are, so nothing here may. */
  values: ReturnType<JSON["parse"]>;
  next: string[];
  tasks: { id: string; interrupts: { id: string; value: unknown }[] }[];
}

/** What `client.threads.stream(id, { transport })` of `@langchain/langgraph-sdk` 1.15 asks for: its `AgentServerAdapter`. */
export interface LangGraphAdapter {
  readonly threadId: string;
  readonly setThreadId: (threadId: string) => void;
  readonly open: () => Promise<void>;
  readonly send: (command: Command) => Promise<CommandResponse | ErrorResponse>;
  readonly events: () => AsyncIterable<ThreadEvent>;
  readonly openEventStream: (filter: StreamFilter) => LangGraphStream;
  /** Null: there is no such conversation. */
  readonly getState: () => Promise<ThreadState | null>;
  readonly getHistory: () => Promise<ThreadState[]>;
  /** Stops a run (default: the one that runs). The protocol has no command for it, and the SDK asks its own server: `client.runs.cancel`. */
  readonly cancel: (runId?: string) => void;
  readonly close: () => Promise<void>;
}

interface Bound extends Thread {
  readonly log: EventLog;
  readonly streams: Set<() => void>;
  readonly endWatch: () => void;
}

/**
 * A conversation of Parley as a thread of LangGraph, for what is built on that SDK. Everything goes by the client's one connection, with all that it does: messages
 * once, what was missed after a loss, tokens asked for anew. The client stays its owner's: closing the adapter closes neither it nor the conversation.
 */
export function createLangGraphAdapter({ client, threadId = "" }: LangGraphAdapterOptions): LangGraphAdapter {
  let id = threadId;
  let bound: Bound | undefined;

  function thread(): Bound {
    if (id === "") throw new Error("The adapter has no thread: pass threadId, or call setThreadId.");
    return (bound ??= bind(client, id, unbind));
  }

  function unbind(): void {
    const last = bound;
    bound = undefined;
    for (const end of last?.streams ?? []) end();
    last?.following.close();
    last?.endWatch();
  }

  async function stateNow(): Promise<ThreadState | null> {
    const { conversation, following } = thread();
    await known(conversation);
    const values = following.state();
    if (values.messages.length === 0) return null;
    const interrupts = pendingApprovals(conversation.view).map(({ turn_id, call }) => ({
      id: turn_id,
      interrupts: [{ id: call.call_id, value: questionOf(call) }],
    }));
    // Whoever finds something there goes on to listen.
    const next = conversation.view.turns.flatMap(({ outcome, turn_id }) => (outcome === undefined ? [turn_id] : []));
    return { values, next, tasks: interrupts };
  }

  return {
    get threadId() {
      return id;
    },
    setThreadId: (next) => {
      if (next !== id) unbind();
      id = next;
    },
    open: async () => void thread(),
    send: (command) => obey(thread(), command),
    events: () => openStream(thread(), { channels: allChannels }).events,
    openEventStream: (filter) => openStream(thread(), filter),
    getState: stateNow,
    getHistory: async () => {
      const state = await stateNow();
      return state === null ? [] : [state];
    },
    cancel: (runId) => thread().conversation.cancel(runId),
    close: async () => unbind(),
  };
}

const allChannels: readonly Channel[] = ["values", "messages", "tools", "lifecycle", "input", "custom"];

function bind(client: LangGraphAdapterOptions["client"], id: string, onOtherUser: () => void): Bound {
  const log = createEventLog();
  const conversation = client.conversation(id);
  let user = userOf(client.state);
  const endWatch = client.on("state", (state) => {
    if (state.name !== "ready") return;
    const isOther = user !== undefined && userOf(state) !== user;
    user = userOf(state);
    // What was told is of somebody else's conversation.
    if (isOther) onOtherUser();
  });
  return { conversation, log, following: follow(conversation, log), streams: new Set(), endWatch };
}

/** Empty: the server asks for no token. Undefined: it has not said who it is. */
function userOf(state: Client["state"]): string | undefined {
  return state.name === "ready" ? (state.user?.id ?? "") : undefined;
}

/** Resolves when the view has what there is. Who may not look is told; what does not exist yet comes with its first message. */
async function known(conversation: Conversation): Promise<void> {
  const { mode } = await conversation.subscribe();
  if (mode !== "snapshot" || conversation.view.seq > 0) return;
  await new Promise<void>((resolve) => {
    const ends = [conversation.on("change", () => end()), conversation.on("error", () => end())];
    const end = (): void => {
      for (const off of ends) off();
      resolve();
    };
  });
}

function openStream({ conversation, log, streams }: Bound, filter: StreamFilter): LangGraphStream {
  const events = createEventQueue<ThreadEvent>(() => {
    off();
    streams.delete(events.close);
  });
  const off = log.listen(filter, events.push);
  events.begin();
  streams.add(events.close);
  const ready = conversation.subscribe().then(() => undefined);
  // Who does not wait for it sees it at the next command.
  ready.catch(() => undefined);
  return { events: events.reader, ready, close: events.close };
}
