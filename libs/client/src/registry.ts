import type { ClientFrameInput, ServerFrame } from "@parley/protocol/fold";
import { backoffMs } from "./backoff.ts";
import { createConversation, type ConversationFrame, type ConversationPort } from "./conversation.ts";
import type { Violation } from "./frame-check.ts";
import type { Settings } from "./options.ts";
import { createResumeWindow } from "./resume-window.ts";
import { createSendKeeper, type StoredMessage } from "./send-store.ts";
import { createSendLimits } from "./send-limits.ts";

interface RegistryDeps extends Settings {
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly onViolation: (violation: Violation) => void;
}

/** The conversations of a client: one handle per id, and every frame to the one that it concerns. */
export interface Registry {
  readonly get: (id: string) => ConversationPort;
  readonly release: (id: string, reason: Error) => void;
  readonly route: (frame: ServerFrame) => void;
  /** A connection begins: what was kept of messages is wanted soon. */
  readonly connecting: () => void;
  readonly ready: (userId: string) => void;
  readonly connectionLost: () => void;
  readonly unansweredSince: () => number | undefined;
  readonly close: (reason: Error) => void;
}

/** Four conversations with all their waiting messages are fewer frames than an edge queues for one socket. */
const resumedAtOnce = 4;

export function createRegistry(deps: RegistryDeps): Registry {
  const ports = new Map<string, ConversationPort>();
  /** Those that only a message of an earlier page has called for. */
  const unclaimed = new Set<string>();
  const resumes = createResumeWindow<ConversationPort>(resumedAtOnce, (port) => port.resume());
  const keeper = createSendKeeper(deps.store, deps.log);
  const sendLimits = createSendLimits(deps.sendQueue);
  const leftovers = createLeftovers();
  let userId: string | undefined;
  let closed: Error | undefined;

  function add(id: string): ConversationPort {
    const port = createConversation({ ...deps, id, keeper, sendLimits, userId: () => userId });
    if (closed !== undefined) port.close(closed, false);
    ports.set(id, port);
    return port;
  }

  function release(id: string, reason: Error): void {
    const port = ports.get(id);
    if (port === undefined) return;
    port.close(reason, true);
    leftovers.put(id, port.failed());
    ports.delete(id);
    unclaimed.delete(id);
  }

  /** What has failed waits for somebody who looks; what has not is sent. */
  function restore(message: StoredMessage): void {
    const { conversation_id: id, error } = message;
    const known = ports.get(id);
    if (known === undefined && error !== undefined) return leftovers.put(id, [message]);
    if (known === undefined) unclaimed.add(id);
    (known ?? add(id)).restore(message);
  }

  function restoreAll(): void {
    if (userId !== undefined) keeper.take(userId).forEach(restore);
  }

  return {
    get: (id) => {
      unclaimed.delete(id);
      const port = ports.get(id) ?? add(id);
      for (const message of leftovers.take(id, userId)) port.restore(message);
      return port;
    },
    release,
    route: (frame) => {
      const port = isOfConversation(frame) ? portOf(ports, frame) : undefined;
      if (port === undefined || !isOfConversation(frame)) return;
      port.handle(frame);
      const waitMs = frame.type === "error" ? frame.retry_after_ms : undefined;
      if (waitMs === undefined) resumes.answered(port);
      else resumes.hold(port, waitMs + backoffMs(0, deps.backoff, deps.random));
      const { id, unsubscribe } = port.conversation;
      if (!unclaimed.has(id) || port.isWaiting()) return;
      unsubscribe();
      release(id, new Error("Nobody looks at the conversation."));
    },
    connecting: () => void keeper.load(),
    ready: (nowUserId) => {
      userId = nowUserId;
      for (const port of ports.values()) port.bind(nowUserId);
      restoreAll();
      resumes.start(ports.values());
      // Where reading the store takes longer than connecting.
      void keeper.load().then(restoreAll);
    },
    connectionLost: () => {
      resumes.stop();
      for (const port of ports.values()) port.connectionLost();
    },
    unansweredSince: () => oldestOf([...ports.values()].map((port) => port.unansweredSince())),
    close: (reason) => {
      closed = reason;
      resumes.stop();
      for (const port of ports.values()) port.close(reason, false);
    },
  };
}

/** Messages that have failed, of conversations that have no handle. */
function createLeftovers() {
  const kept = new Map<string, StoredMessage[]>();
  return {
    put: (id: string, messages: readonly StoredMessage[]): void => {
      if (messages.length > 0) kept.set(id, [...(kept.get(id) ?? []), ...messages]);
    },
    take: (id: string, userId: string | undefined): StoredMessage[] => {
      const messages = kept.get(id) ?? [];
      const isOwn = ({ user_id }: StoredMessage): boolean => user_id === (userId ?? "");
      kept.set(
        id,
        messages.filter((message) => !isOwn(message)),
      );
      return messages.filter(isOwn);
    },
  };
}

function isOfConversation(frame: ServerFrame): frame is ConversationFrame {
  return "conversation_id" in frame || frame.type === "error";
}

/** An error may name only the message that it answers. */
function portOf(ports: ReadonlyMap<string, ConversationPort>, frame: ConversationFrame): ConversationPort | undefined {
  if (frame.conversation_id !== undefined) return ports.get(frame.conversation_id);
  const id = "id" in frame ? frame.id : undefined;
  return id === undefined ? undefined : [...ports.values()].find((port) => port.awaits(id));
}

function oldestOf(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
