import type { ClientFrameInput, ServerFrame } from "@parley/protocol/fold";
import { backoffMs } from "./backoff.ts";
import type { Conversation, ConversationFrame } from "./conversation-handle.ts";
import { createConversation, type ConversationPort } from "./conversation.ts";
import type { Violation } from "./frame-check.ts";
import { createHandles, type Handles } from "./handles.ts";
import { ClientClosedError, type ClientState } from "./link.ts";
import type { Settings } from "./options.ts";
import { createResumeWindow } from "./resume-window.ts";
import { createSendKeeper } from "./send-keeper.ts";
import type { OutgoingMessage } from "./send-store.ts";

interface RegistryDeps extends Settings {
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly emit: (name: "violation", violation: Violation) => void;
}

/** The conversations of a client: one handle per id, and every frame to the one that it concerns. */
export interface Registry {
  readonly get: (id: string) => ConversationPort;
  readonly release: (conversation: Pick<Conversation, "id" | "unsubscribe">) => void;
  readonly route: (frame: ServerFrame) => void;
  /** When the oldest message was sent that has no answer on this connection; Infinity: there is none. */
  readonly sentAt: () => number;
  /** What each state of the link means for them. */
  readonly follow: (state: ClientState) => void;
}

/** Four conversations with all their waiting messages are fewer frames than an edge queues for one socket. */
const resumedAtOnce = 4;

export function createRegistry(deps: RegistryDeps): Registry {
  const keeper = createSendKeeper(deps.store, deps.log);
  const waiting = new Set<OutgoingMessage>();
  const resumes = createResumeWindow<ConversationPort>(resumedAtOnce, (port) => port.resume());
  const handles = createHandles(keeper, (id) =>
    createConversation({ ...deps, id, keeper, waiting, userId: handles.userId }),
  );
  const all = (): ConversationPort[] => [...handles.ports.values()];

  return {
    ...handles,
    route: (frame) => {
      if (!isOfConversation(frame)) return;
      const port = portOf(handles, frame);
      if (!port) return;
      port.handle(frame);
      const waitMs = frame.type === "error" ? frame.retry_after_ms : undefined;
      if (waitMs === undefined) resumes.answered(port);
      else resumes.hold(port, waitMs + backoffMs(0, deps));
      handles.answered(port);
    },
    sentAt: () => Math.min(...all().map(({ outbox }) => outbox.sentAt())),
    follow: (state) => {
      // A connection begins: what was kept of messages is wanted soon.
      if (state.name === "connecting") void keeper.load();
      if (state.name === "ready") {
        handles.bind(state.user?.id ?? "");
        resumes.start(all());
      }
      if (state.name !== "waiting" && state.name !== "closed") return;
      resumes.stop();
      if (state.name === "waiting") for (const port of all()) port.lost();
      else handles.close(new ClientClosedError(state));
    },
  };
}

function isOfConversation(frame: ServerFrame): frame is ConversationFrame {
  return "conversation_id" in frame || frame.type === "error";
}

/** An error may name only the message that it answers. */
function portOf(handles: Handles, frame: ConversationFrame): ConversationPort | undefined {
  const { ports } = handles;
  if (frame.conversation_id !== undefined) return ports.get(frame.conversation_id);
  const id = "id" in frame ? frame.id : undefined;
  return id === undefined ? undefined : [...ports.values()].find(({ outbox }) => outbox.has(id));
}
