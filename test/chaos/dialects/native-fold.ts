import {
  createView,
  foldFrame,
  isTerminal,
  ServerFrame,
  textOf,
  toolCallsOf,
  turn as turnIn,
  type ConversationView,
  type Outcome,
} from "@parley/protocol";
import { allWords, reasoningOf, type Seen } from "./seen.ts";
import { Breach, readAs, type TurnPlace } from "./visit.ts";

export type NativeFold = ReturnType<typeof createNativeFold>;

/** What clients of native frames have: the one fold, and what must hold of the frames that it gets. */
export function createNativeFold({ conversation, turn }: TurnPlace) {
  let view: ConversationView = createView(conversation, [turn]);
  let ends = 0;
  const outcome = (): Outcome | undefined => turnIn(view, turn)?.outcome;

  const take = (frame: ServerFrame): void => {
    if (!("seq" in frame) || typeof frame.seq !== "number" || frame.type === "subscribed") return;
    if (!("conversation_id" in frame) || frame.conversation_id !== conversation) return;
    const isSnapshot = frame.type === "snapshot";
    // A snapshot may be of the place where its viewer stands.
    if (frame.seq < view.seq || (frame.seq === view.seq && !isSnapshot))
      throw new Breach(`${frame.type} at ${frame.seq} behind ${view.seq}`);
    if (!isSnapshot && "turn_id" in frame && frame.turn_id === turn) checkOwn(frame);
    view = foldFrame(view, frame);
  };

  const checkOwn = (frame: ServerFrame): void => {
    if (ends > 0) throw new Breach(`${frame.type} after the end of its turn`);
    if (!isTerminal(frame.type)) return;
    ends++;
    const known = turnIn(view, turn);
    // A fold puts right what it can at the end; here it must have had it.
    if (frame.type === "complete" && known !== undefined && known.outcome === undefined) {
      const had = textOf(known);
      if (had !== frame.response) throw new Breach(`before the end it had ${had.length} of ${frame.response.length}`);
    }
  };

  return {
    /** Throws Breach. Returns the frame as it was read. */
    take(value: unknown): ServerFrame {
      const frame = readAs(ServerFrame, value);
      take(frame);
      return frame;
    },
    /** The cursor; undefined: nothing was seen. */
    after: (): number | undefined => view.seq || undefined,
    isOver: (): boolean => outcome() !== undefined,
    seen(): Seen {
      const known = turnIn(view, turn);
      const end = outcome();
      return {
        text: known === undefined ? "" : textOf(known),
        reasoning: known === undefined ? "" : reasoningOf(known.parts),
        calls: (known === undefined ? [] : toolCallsOf(known)).map(({ tool_name: name, status = "open" }) => ({
          name,
          status,
        })),
        end: end?.type === "error" ? `error:${end.code}` : end?.type,
      };
    },
  };
}

export const nativeWords = allWords;
