import {
  createView,
  foldFrame,
  foldSignal,
  pendingApprovals,
  toolCallsOf,
  turn as turnIn,
  type ConversationView,
  type FrameError,
} from "@parley/protocol";
import type { Random } from "../plan/random.ts";
import { createChanges } from "./changes.ts";
import type { Answer, Device, Question } from "./device.ts";
import { createLink, type Link } from "./link.ts";
import { createRecorder, isOfConversation, isSignal, type ConversationFrame } from "./recording.ts";

export interface DeviceOptions {
  readonly name: string;
  readonly conversation: string;
  readonly token: string;
  readonly edges: () => readonly string[];
  readonly firstEdge: number;
  readonly random: Random;
  /** What it says that it knows, where that is not as usual. */
  readonly knows?: readonly string[];
  /** Milliseconds since the scenario's start. */
  readonly now: () => number;
}

interface Asked {
  readonly question: Question;
  /** All who asked it. */
  readonly settles: ((answer: Answer) => void)[];
  /** When it was sent on the present connection; undefined: it is not on its way. */
  sentAt: number | undefined;
}

const watchAgainMs = 250;
const askAgainMs = 300;
/** An edge answers within its own 10 s, if it can. */
const answerWithinMs = 15_000;
/** Refusals that stand: everything else is asked again, as a person would. */
const final: ReadonlySet<string> = new Set([
  "CONVERSATION_BUSY",
  "FORBIDDEN",
  "INVALID_FRAME",
  "EMPTY_MESSAGE",
  "MESSAGE_TOO_LARGE",
]);

/** Whether a view that has the call shows that it does not wait any more. */
function isDecided(view: ConversationView, call: string): boolean {
  const known = view.turns.flatMap(toolCallsOf).find(({ call_id }) => call_id === call);
  return known !== undefined && !pendingApprovals(view).some((pending) => pending.call.call_id === call);
}

/**
 * A device on plain sockets. On each connection it first subscribes from where its view stands, then sends what has no answer yet, then
 * asks again to stop what it wants stopped.
 */
export function createRawDevice(options: DeviceOptions): Device {
  const { conversation, now } = options;
  let view = createView(conversation);
  const recorder = createRecorder(options.name, conversation, now);
  const changes = createChanges();
  const asked = new Map<string, Asked>();
  const cancels = new Set<string>();
  /** By call, what was decided here and is not known yet. */
  const decisions = new Map<string, boolean>();
  const timers = new Set<NodeJS.Timeout>();
  let wantsEvents = false;

  const later = (delayMs: number, action: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      action();
    }, delayMs);
    timers.add(timer);
  };

  const subscribe = (): void => {
    if (!wantsEvents) return;
    const after = view.seq > 0 ? view.seq : undefined;
    const frame = { type: "subscribe" as const, conversation_id: conversation };
    if (link.send(after === undefined ? frame : { ...frame, after })) recorder.add({ kind: "subscribe", after });
  };

  const sendQuestion = (entry: Asked): void => {
    const { id, text: message, onBusy: on_busy, agent } = entry.question;
    if (!asked.has(id) || entry.sentAt !== undefined) return;
    if (!link.send({ type: "message", id, message, conversation_id: conversation, on_busy, agent })) return;
    entry.sentAt = performance.now();
    recorder.add({ kind: "ask", id });
  };

  const sendCancel = (turn: string): void => {
    if (!link.send({ type: "cancel", conversation_id: conversation, turn_id: turn })) return;
    recorder.add({ kind: "cancel", turn });
  };

  const sendDecision = (call: string, approved: boolean): void => {
    if (!link.send({ type: "approve", conversation_id: conversation, call_id: call, approved })) return;
    recorder.add({ kind: "approve", call, approved });
  };

  const askForEventsAgain = (): void => {
    subscribe();
    for (const turn of cancels) sendCancel(turn);
  };

  const decisionRefused = (call: string, { retryable }: FrameError): void => {
    const approved = decisions.get(call);
    if (approved === undefined) return;
    if (!retryable) decisions.delete(call);
    else later(askAgainMs, () => decisions.has(call) && sendDecision(call, approved));
  };

  const answer = (id: string, result: Answer): void => {
    const entry = asked.get(id);
    asked.delete(id);
    for (const settle of entry?.settles ?? []) settle(result);
  };

  const refused = (frame: FrameError): void => {
    if (frame.frame === "approve" && frame.call_id !== undefined) return decisionRefused(frame.call_id, frame);
    if (frame.id === undefined) {
      // The conversation is not there before its first message, or a turn to cancel has ended.
      if (frame.code === "NOT_FOUND") later(watchAgainMs, () => view.seq === 0 && subscribe());
      // It does not say which frame it answers; asking for both once more does no harm.
      else if (frame.retryable) later(watchAgainMs, askForEventsAgain);
      return;
    }
    const entry = asked.get(frame.id);
    if (entry === undefined) return;
    if (final.has(frame.code)) return answer(frame.id, { kind: "refused", code: frame.code });
    later(frame.retry_after_ms ?? askAgainMs, () => {
      entry.sentAt = undefined;
      sendQuestion(entry);
    });
  };

  const take = (frame: ConversationFrame): void => {
    recorder.add({ kind: "frame", frame });
    if (frame.type === "accepted") {
      wantsEvents = true;
      answer(frame.id, { kind: "accepted", turn: frame.turn_id, position: frame.position });
    } else if (frame.type === "error" && !("turn_id" in frame)) refused(frame);
    else if (isSignal(frame)) view = foldSignal(view, frame);
    else if (frame.type !== "subscribed" && frame.type !== "queue") view = foldFrame(view, frame);
    for (const call of decisions.keys()) if (isDecided(view, call)) decisions.delete(call);
    for (const turn of cancels) if (turnIn(view, turn)?.outcome !== undefined) cancels.delete(turn);
    changes.notify();
  };

  const link: Link = createLink({
    ...options,
    onReady(edge) {
      recorder.add({ kind: "connected", edge });
      for (const entry of asked.values()) entry.sentAt = undefined;
      subscribe();
      for (const entry of asked.values()) sendQuestion(entry);
      for (const turn of cancels) sendCancel(turn);
      for (const [call, approved] of decisions) sendDecision(call, approved);
    },
    onFrame(frame) {
      if (isOfConversation(frame)) take(frame);
    },
    onUnreadable: (text) => recorder.add({ kind: "unreadable", text }),
    onLost: (code) => recorder.add({ kind: "lost", code }),
  });

  const impatience = setInterval(() => {
    const isStale = ({ sentAt }: Asked): boolean => sentAt !== undefined && performance.now() - sentAt > answerWithinMs;
    if ([...asked.values()].some(isStale)) link.cut();
  }, 1_000);

  return {
    name: options.name,
    recording: recorder.recording,
    get view() {
      return view;
    },
    connect: link.open,
    watch() {
      wantsEvents = true;
      subscribe();
    },
    ask: (question) =>
      new Promise((settle) => {
        const entry = asked.get(question.id) ?? { question, settles: [], sentAt: undefined };
        entry.settles.push(settle);
        // Asked a second time while it is on its way: sent a second time.
        entry.sentAt = undefined;
        asked.set(question.id, entry);
        sendQuestion(entry);
      }),
    cancel(turn) {
      cancels.add(turn);
      sendCancel(turn);
    },
    approve(call, approved) {
      decisions.set(call, approved);
      sendDecision(call, approved);
    },
    cut: link.cut,
    pause: link.pause,
    resume: link.resume,
    leave() {
      wantsEvents = false;
      if (link.send({ type: "unsubscribe", conversation_id: conversation })) recorder.add({ kind: "unsubscribe" });
    },
    until: (holds, signal) => changes.until(() => holds(view), signal),
    reconnects: link.reconnects,
    close() {
      clearInterval(impatience);
      for (const timer of timers) clearTimeout(timer);
      link.close();
    },
  };
}
