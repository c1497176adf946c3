import { randomBytes } from "node:crypto";
import type { AcceptedFrame, ConversationId, FrameError, TurnId } from "@parley/protocol";

/** One message that a client of a seed's dialect sent, until its answer has ended. */
export interface Asked<State> {
  /** The conversation as its client calls it; undefined: it left that to us. */
  readonly session: string | undefined;
  /** What it is called from then on that it has a conversation, where its client left that to us; default: the conversation's own id. */
  readonly made?: string | undefined;
  readonly state: State;
}

export interface AskedTurn<State> extends Asked<State> {
  readonly conversation: ConversationId;
}

/**
 * What a client of a seed's dialect has asked and not got the end of yet. Such a client knows of no turns, so it is shown its own ones
 * only: what other devices write in the same conversation would look like the answer to its own message. Bounded by the queue of each
 * conversation and the conversations of a connection.
 */
export function createAskedTurns<State>(newState: () => State) {
  /** By the client message id that we made; not accepted yet. */
  const sent = new Map<string, Asked<State>>();
  const turns = new Map<TurnId, AskedTurn<State>>();

  return {
    /** Remembers a message that is about to be submitted; returns its id: each message is a turn of its own. */
    ask(session: string | undefined, made?: string): string {
      const id = randomBytes(12).toString("base64url");
      sent.set(id, { session, made, state: newState() });
      return id;
    },

    accepted({ id, turn_id, conversation_id }: AcceptedFrame): void {
      const asked = sent.get(id);
      sent.delete(id);
      if (asked !== undefined) turns.set(turn_id, { ...asked, conversation: conversation_id });
    },

    /** Returns what was asked, when the error answers a message. */
    refused({ id = "" }: FrameError): Asked<State> | undefined {
      const asked = sent.get(id);
      sent.delete(id);
      return asked;
    },

    /** Undefined when this client did not ask for it, or has got its end. */
    get: (turn: TurnId): AskedTurn<State> | undefined => turns.get(turn),

    /** The client has got its end. */
    end: (turn: TurnId): unknown => turns.delete(turn),

    *in(conversation: ConversationId): Iterable<[TurnId, AskedTurn<State>]> {
      for (const entry of turns) if (entry[1].conversation === conversation) yield entry;
    },

    isWaitingIn(conversation: ConversationId): boolean {
      for (const turn of turns.values()) if (turn.conversation === conversation) return true;
      return false;
    },
  };
}

export type AskedTurns<State> = ReturnType<typeof createAskedTurns<State>>;
