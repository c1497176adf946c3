import type { ClientFrameInput, ServerFrame } from "@parley/protocol";
import { backoffMs } from "./backoff.ts";
import { createConversation, type ConversationFrame, type ConversationPort } from "./conversation.ts";
import type { Violation } from "./frame-check.ts";
import type { Settings } from "./options.ts";
import { createResumeWindow } from "./resume-window.ts";

interface RegistryDeps extends Settings {
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly onViolation: (violation: Violation) => void;
}

/** The conversations of a client: one handle per id, and every frame to the one that it concerns. */
export interface Registry {
  readonly get: (id: string) => ConversationPort;
  readonly release: (id: string, reason: Error) => void;
  readonly route: (frame: ServerFrame) => void;
  readonly ready: () => void;
  readonly connectionLost: () => void;
  readonly unansweredSince: () => number | undefined;
  readonly close: (reason: Error) => void;
}

/** Four conversations with all their waiting messages are fewer frames than an edge queues for one socket. */
const resumedAtOnce = 4;

export function createRegistry(deps: RegistryDeps): Registry {
  const ports = new Map<string, ConversationPort>();
  const resumes = createResumeWindow<ConversationPort>(resumedAtOnce, (port) => port.resume());
  let closed: Error | undefined;

  function add(id: string): ConversationPort {
    const port = createConversation({ ...deps, id });
    if (closed !== undefined) port.close(closed);
    ports.set(id, port);
    return port;
  }

  return {
    get: (id) => ports.get(id) ?? add(id),
    release: (id, reason) => {
      ports.get(id)?.close(reason);
      ports.delete(id);
    },
    route: (frame) => {
      const port = isOfConversation(frame) ? portOf(ports, frame) : undefined;
      if (port === undefined || !isOfConversation(frame)) return;
      port.handle(frame);
      const waitMs = frame.type === "error" ? frame.retry_after_ms : undefined;
      if (waitMs === undefined) resumes.answered(port);
      else resumes.hold(port, waitMs + backoffMs(0, deps.backoff, deps.random));
    },
    ready: () => resumes.start(ports.values()),
    connectionLost: () => {
      resumes.stop();
      for (const port of ports.values()) port.connectionLost();
    },
    unansweredSince: () => oldestOf([...ports.values()].map((port) => port.unansweredSince())),
    close: (reason) => {
      closed = reason;
      resumes.stop();
      for (const port of ports.values()) port.close(reason);
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
