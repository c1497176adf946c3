import type {
  AcceptedFrame,
  ConversationId,
  FactOf,
  MessageFrame,
  Standing,
  TurnId,
  TurnRequest,
} from "@parley/protocol";
import { noteAsked, type AnswerEnded } from "../delivery/answer-times.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { HubConnection, HubViewer } from "../hub/hub.ts";
import type { MessageFiles } from "./message-files.ts";
import { promise, showEnd, showTurn } from "./places.ts";
import { notedPost, type NotedPost, type Posting } from "./posting.ts";
import { noteSaid, startOf, submit, type SubmissionBus, type Submitted } from "./submission.ts";
import type { Viewing } from "./viewing.ts";

export interface AcceptanceDeps {
  readonly bus: SubmissionBus;
  readonly posting: Posting;
  readonly viewing: Viewing;
  readonly outbox: Outbox;
  readonly files: Pick<MessageFiles, "attach">;
  /** Told of every message that was accepted; must not wait for anything. */
  readonly onAccepted: (request: TurnRequest) => void;
  /** The same with what was noted of it, also of one that came before; absent: nobody wants to know. */
  readonly onSaid?: ((said: FactOf<"said">) => void) | undefined;
}

export interface Asked {
  /** Resolves when the conversation is known to be the sender's. */
  readonly owned: Promise<Standing>;
  /** Resolves when the message is within the sender's limits. */
  readonly allowed: Promise<unknown>;
  /** When the message came (a `performance.now`). */
  readonly askedMs: number;
  /** No agent is asked, by the rule of the room. A message that came before is what it was then. */
  readonly isPost: boolean;
  /** What is to be done at the end of its answer. */
  readonly onEnd: AnswerEnded | undefined;
}

/** Nothing is asked of the store for a message without files. */
async function attachFiles({ files }: AcceptanceDeps, { conversation_id, files: of }: TurnRequest): Promise<void> {
  if (of !== undefined) await files.attach(conversation_id, of);
}

/** What became of a message: a turn, or a post. */
export type Accepted = Submitted & { readonly isPost: boolean };

/**
 * Makes the sender a viewer before anything is stored, so that no event can be missed, and sends `accepted` before any of them. An edge may die behind each line:
 * what is noted is stored when the message comes again.
 */
export function createAccept(deps: AcceptanceDeps) {
  const { viewing, posting } = deps;
  return async (
    connection: HubConnection,
    request: TurnRequest,
    { on_busy, conversation_id: given }: MessageFrame,
    { owned, allowed, askedMs, isPost, onEnd }: Asked,
  ): Promise<Accepted> => {
    const holding = viewing.hold(connection, request.conversation_id);
    const note = async (): Promise<{
      readonly said: Awaited<ReturnType<typeof noteSaid>>;
      readonly post?: NotedPost;
    }> => {
      const noted = isPost ? await posting.note(request, (await holding).viewer.source) : undefined;
      const said = noted?.said ?? (await noteSaid(deps.bus, request));
      const post = notedPost(said, noted?.since);
      return post === undefined ? { said } : { said, post };
    };
    try {
      // It is the sender's own, as far as an id that nobody can guess says so.
      const beside = [isPost ? [] : openBefore(deps, connection, given), note(), owned] as const;
      const [{ viewer, isNew }, open, { said, post }, standing] = await Promise.all([holding, ...beside]);
      await attachFiles(deps, request);
      if (post !== undefined) return await acceptPost(deps, { connection, viewer, isNew, request }, post, allowed);
      const submitted = await submit(deps.bus, request, on_busy, {
        ...{ said, allowed },
        stopsOnlyOwn: standing !== "owner",
      });
      deps.onAccepted(request);
      if (said.fact.kind === "said") deps.onSaid?.(said.fact);
      // The answer to a repeated message may be there already: how long it took is not seen here.
      if (!submitted.isRepeated) noteAsked(connection, request, { sinceMs: askedMs, onEnd });
      await place(deps, { connection, viewer, isNew, request, open, submitted });
      const { userSeq, earlier } = submitted;
      answer(deps, viewer, request, { userSeq, earlier });
      return { ...submitted, isPost: false };
    } catch (error) {
      await letGo(viewing, connection, holding);
      throw error;
    }
  };
}

/** It has no turn: nothing waits before it, and it is over as soon as it is stored. */
async function acceptPost(
  deps: AcceptanceDeps,
  { connection, viewer, isNew, request }: Pick<Beginning, "connection" | "viewer" | "isNew" | "request">,
  noted: NotedPost,
  allowed: Promise<unknown>,
): Promise<Accepted> {
  const { eventSeq: userSeq } = await deps.posting.store(request, noted, allowed);
  const { isRepeated } = noted;
  const submitted = { userSeq, earlier: [], isRepeated, isOver: isRepeated };
  if (!isRepeated) deps.onAccepted(request);
  deps.onSaid?.(noted.fact);
  await place(deps, { connection, viewer, isNew, request, open: [], submitted, roomBelow: 1 });
  answer(deps, viewer, request, { userSeq, earlier: [], posted: true });
  return { ...submitted, isPost: true };
}

async function letGo(viewing: Viewing, connection: HubConnection, holding: ReturnType<Viewing["hold"]>): Promise<void> {
  const held = await holding.catch(() => undefined);
  if (held?.isNew === true) viewing.leave(connection, held.viewer.source.conversation);
  else if (held !== undefined) viewing.release(held.viewer);
}

/**
 * The turns that are open before the message is submitted, if its sender does not look on already. One of them may have ended, and have left
 * the queue, when the message has its place in the log: a viewer that begins there would get the rest of an answer.
 */
async function openBefore(
  { bus }: AcceptanceDeps,
  { viewers }: HubConnection,
  conversation: ConversationId | undefined,
): Promise<readonly TurnId[]> {
  if (conversation === undefined || viewers.has(conversation)) return [];
  return (await bus.turns.waiting(conversation)).map(({ request }) => request.turn_id);
}

interface Beginning {
  readonly connection: HubConnection;
  readonly viewer: HubViewer;
  /** It looks at the conversation only from now on. */
  readonly isNew: boolean;
  readonly request: TurnRequest;
  readonly open: readonly TurnId[];
  readonly submitted: Submitted;
  /** So many sequences below its first event are told as well: for clients that need one of them, see `hasRoom`. */
  readonly roomBelow?: number;
}

/** Sees to it that the sender gets all of the turn. */
async function place(deps: AcceptanceDeps, beginning: Beginning): Promise<void> {
  const { viewer, isNew, request, submitted } = beginning;
  if (isNew) await begin(deps, beginning);
  else showTurn(viewer, submitted.userSeq);
  if (submitted.earlier.length > 0) deps.viewing.lookAtQueue(viewer);
  if (submitted.isOver) showEnd(viewer, request.turn_id, submitted.userSeq);
}

/** A new viewer gets events from the beginning of the turn on, and of the turns before it that were open. */
async function begin(
  { bus, viewing }: AcceptanceDeps,
  { connection, viewer, request, open, submitted, roomBelow = 0 }: Beginning,
): Promise<void> {
  const { userSeq, earlier, isRepeated } = submitted;
  if ((await viewing.resumeWish(connection, viewer)) || userSeq === undefined) return;
  // What was open when a message came that is repeated now, only the log can say.
  const before = isRepeated ? earlier : [...new Set([...open, ...earlier])];
  const starts = await Promise.all(before.map((turn) => startOf(bus, request, turn)));
  const first = Math.min(userSeq, ...starts.filter((seq) => seq !== undefined));
  viewing.beginAfter(connection, viewer, first - 1 - roomBelow);
}

function answer(
  { outbox, viewing }: AcceptanceDeps,
  viewer: HubViewer,
  { id, conversation_id, turn_id, message_id }: TurnRequest,
  { earlier, userSeq, ...how }: Pick<Submitted, "earlier" | "userSeq"> & Pick<AcceptedFrame, "posted">,
): void {
  const position = earlier.length;
  const accepted: AcceptedFrame = { type: "accepted", id, conversation_id, turn_id, message_id, position, ...how };
  outbox.cork(viewer.outlet, () => {
    if (!promise(viewer, accepted, userSeq)) outbox.sendFrame(viewer.outlet, accepted);
    viewing.release(viewer);
  });
}
