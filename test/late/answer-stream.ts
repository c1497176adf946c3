import { createView, foldFrame, isTerminal, ServerFrame, type ConversationView } from "@parley/protocol";
import { createChanges } from "../chaos/clients/changes.ts";
import {
  createRecorder,
  isOfConversation,
  type ConversationFrame,
  type Recording,
} from "../chaos/clients/recording.ts";

/** A reader of server-sent events: asks once, and goes on at the next edge with `Last-Event-ID` whenever its stream breaks, until the end. */
export interface AnswerStream {
  readonly recording: Recording;
  readonly view: ConversationView;
  /** Its turn, once it was accepted. */
  turn(): string | undefined;
  /** Whether a stream has been closed by the edge after the turn's end. */
  hasEnded(): boolean;
  until(holds: (view: ConversationView) => boolean, signal: AbortSignal): Promise<void>;
  reconnects(): number;
  cut(): void;
  close(): void;
}

export interface AnswerStreamOptions {
  readonly name: string;
  readonly conversation: string;
  /** Ports of edges; each connection goes to the next one, the last ones to the last. */
  readonly edges: readonly number[];
  readonly token: string;
  readonly id: string;
  readonly message: string;
  readonly now: () => number;
}

interface Sent {
  readonly id: string | undefined;
  readonly data: string;
}

async function* eventsOf(response: Response): AsyncGenerator<Sent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield { id: /^id: (.*)$/m.exec(block)?.[1], data };
    }
  }
}

export function openAnswerStream(options: AnswerStreamOptions): AnswerStream {
  const { conversation, edges, token, id, message } = options;
  let view = createView(conversation);
  const recorder = createRecorder(options.name, conversation, options.now);
  const changes = createChanges();
  const closing = new AbortController();
  let current = new AbortController();
  let connections = 0;
  let turn: string | undefined;
  let cursor: string | undefined;
  let isOver = false;

  const take = (frame: ConversationFrame): void => {
    if (frame.type === "accepted") turn = frame.turn_id;
    // Said once more after a snapshot that tells it, for who reads events alone: it has the snapshot's place.
    const isSaidAgain = isTerminal(frame.type) && "seq" in frame && frame.seq === view.seq;
    if (isSaidAgain) return;
    recorder.add({ kind: "frame", frame });
    if ("seq" in frame && frame.type !== "subscribed") view = foldFrame(view, frame);
    changes.notify();
  };
  const read = async (edge: number): Promise<void> => {
    current = new AbortController();
    const response = await fetch(`http://127.0.0.1:${edge}/api/v1/chat`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "text/event-stream",
        "idempotency-key": id,
        ...(cursor === undefined ? {} : { "last-event-id": cursor }),
      },
      body: JSON.stringify({ message, conversation_id: conversation }),
      signal: current.signal,
    });
    connections += 1;
    recorder.add({ kind: "connected", edge });
    if (response.status === 204) return void (isOver = true);
    if (!response.ok) throw new Error(`the edge answers ${response.status}`);
    const after = cursor === undefined ? undefined : Number(cursor);
    recorder.add({ kind: "subscribe", after });
    // It is not greeted: what follows, follows the cursor that it named.
    if (after !== undefined)
      recorder.add({
        kind: "frame",
        frame: { type: "subscribed", conversation_id: conversation, mode: "replay", seq: after },
      });
    for await (const sent of eventsOf(response)) {
      cursor = sent.id ?? cursor;
      const frame = ServerFrame.safeParse(JSON.parse(sent.data)).data;
      if (frame === undefined) recorder.add({ kind: "unreadable", text: sent.data });
      else if (isOfConversation(frame) && frame.type !== "subscribed") take(frame);
    }
    isOver = true;
  };
  const run = async (): Promise<void> => {
    while (!isOver && !closing.signal.aborted) {
      const edge = edges[Math.min(connections, edges.length - 1)] ?? 0;
      await read(edge).catch(() => recorder.add({ kind: "lost", code: 0 }));
      changes.notify();
    }
  };
  void run();

  return {
    recording: recorder.recording,
    get view() {
      return view;
    },
    turn: () => turn,
    hasEnded: () => isOver,
    until: (holds, signal) => changes.until(() => holds(view), signal),
    reconnects: () => Math.max(0, connections - 1),
    cut: () => current.abort(),
    close() {
      closing.abort();
      current.abort();
    },
  };
}
