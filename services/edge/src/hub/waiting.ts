import type { Bus, QueuedTurn } from "@parley/bus";
import { changedMessage, type VisibleEvent } from "@parley/dialects";
import {
  cutJsonText,
  jsonTextBytes,
  limits,
  messageEventOf,
  withFiles,
  type TextFact,
  type TurnId,
  type TurnRequest,
  type WaitingTurn,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Outbox } from "../delivery/outbox.ts";
import { isLive, type Hub, type HubViewer } from "./hub.ts";

export interface WaitingDeps {
  readonly turns: Pick<Bus["turns"], "waiting" | "hasEnded">;
  readonly waitingTexts: Pick<Bus["waitingTexts"], "read" | "tell">;
  readonly outbox: Pick<Outbox, "sendFrame">;
  readonly log: Logger;
}

export type Waiting = ReturnType<typeof createWaiting>;

/** Tells viewers what waits. It is read from the queue itself: its order is that of acceptance, and it knows turns whose events are forgotten. */
export function createWaiting(deps: WaitingDeps) {
  const running = new Map<Hub, Promise<void>>();
  const again = new Set<Hub>();
  let failed = new Set<Hub>();

  const work = async (hub: Hub): Promise<void> => {
    do {
      again.delete(hub);
      const { ring } = hub;
      const open = await openIn(deps, hub);
      // It was deleted meanwhile.
      if (hub.ring === ring) take(hub, open);
    } while (again.has(hub));
  };
  const look = (hub: Hub): Promise<void> => {
    const under = running.get(hub);
    if (under !== undefined) {
      again.add(hub);
      return under;
    }
    const looking = work(hub)
      .catch((err: unknown) => {
        deps.log.warn({ err, conversation: hub.conversation }, "what waits in a conversation could not be read yet");
        failed.add(hub);
      })
      .finally(() => running.delete(hub));
    running.set(hub, looking);
    return looking;
  };

  const take = (hub: Hub, { first, turns }: OpenTurns): void => {
    const { queue, conversation } = hub;
    queue.isKnown = true;
    // Its events may be forgotten: what comes behind it waits all the same.
    if (first !== undefined && !hub.ring.ended.has(first)) queue.open.add(first);
    if (JSON.stringify(queue.frame?.turns ?? []) === JSON.stringify(turns)) return;
    queue.frame = turns.length === 0 ? undefined : { type: "queue", conversation_id: conversation, turns };
    for (const viewer of hub.viewers) tell(viewer);
  };

  const tell = (viewer: HubViewer): void => tellViewer(deps, viewer);

  return {
    /** Looks what waits, and tells the viewers if it is other than before. Never rejects. */
    look,

    /** The same, unless it was looked at before. */
    lookOnce: (hub: Hub): Promise<void> => (hub.queue.isKnown ? Promise.resolve() : look(hub)),

    /** Tells a viewer that has just become live. */
    tell,

    /** Once a second: looks again where the broker did not answer. */
    sweep(): void {
      const hubs = failed;
      failed = new Set();
      for (const hub of hubs) if (isLive(hub) && hub.viewers.size > 0) void look(hub);
    },
  };
}

function tellViewer({ outbox }: WaitingDeps, viewer: HubViewer): void {
  const { source, outlet, state, queueTold } = viewer;
  const { frame } = source.queue;
  if (state !== "live" || queueTold === frame) return;
  viewer.queueTold = frame;
  outbox.sendFrame(outlet, frame ?? { type: "queue", conversation_id: source.conversation, turns: [] });
}

interface OpenTurns {
  /** Runs, or is about to: it does not wait for another one. */
  readonly first: TurnId | undefined;
  readonly turns: WaitingTurn[];
}

async function openIn(deps: WaitingDeps, hub: Hub): Promise<OpenTurns> {
  const { turns, waitingTexts } = deps;
  const { conversation } = hub;
  const queued = await turns.waiting(conversation);
  const ended = await Promise.all(queued.map(turns.hasEnded));
  const [first, ...others] = queued.filter((_, i) => ended[i] !== true);
  const texts = await Promise.all(others.map(({ request }) => waitingTexts.read(request)));
  others.forEach(({ request }, i) => {
    const text = texts[i];
    if (text !== undefined && text.n > 0 && !hub.ring.events.some(isChangeOf(request.turn_id)))
      tellAgain(deps, request, text);
  });
  // What was taken back is no answer's any more, also where nobody has ended it yet.
  const waiting = others.flatMap((turn, i) => (texts[i]?.state === "taken back" ? [] : { turn, text: texts[i] }));
  const turnsTold = waiting.map(({ turn, text }, i) =>
    waitingTurnOf(turn, text?.message ?? turn.request.message, i + 1),
  );
  return { first: first?.request.turn_id, turns: turnsTold };
}

function isChangeOf(turnId: TurnId) {
  return ({ turn, type }: VisibleEvent): boolean => turn === turnId && type === changedMessage;
}

/** The edge that stored it may have died before it had told anybody; else this writes nothing. */
function tellAgain({ waitingTexts, log }: WaitingDeps, request: TurnRequest, text: TextFact): void {
  waitingTexts
    .tell(request, text)
    .catch((err: unknown) => log.debug({ err, turn: request.turn_id }, "a changed message could not be told again"));
}

function waitingTurnOf({ request }: QueuedTurn, text: string, position: number): WaitingTurn {
  const { turn_id, id, author } = messageEventOf(request);
  const isLong = jsonTextBytes(text) > limits.waitingTextBytes;
  const told = isLong ? { text: cutJsonText(text, limits.waitingTextBytes), truncated: true as const } : { text };
  return { turn_id, id, author, ...told, ...withFiles(request.files), position };
}
