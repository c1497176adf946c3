import {
  chatErrorOf,
  titleLine,
  turn as turnIn,
  type ClientFrameInput,
  type ConversationView,
  type FrameError,
} from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";
import { newId } from "./ids.ts";

/** What a client may ask of a conversation that is answered by what the conversation then shows. */
export type WishFrame = Extract<ClientFrameInput, { type: "title" | "queue" }>;

/** What was asked for and has not come true yet: sent again on every new connection. */
export interface Wishes {
  /** Resolves when the view shows it; at once if it does already. Rejects with the server's ChatError. */
  readonly add: (frame: WishFrame, isTrue: (view: ConversationView) => boolean) => Promise<void>;
  /** To be called after the view has changed. */
  readonly look: () => void;
  readonly flush: () => void;
  /** Returns whether the error answers a wish. */
  readonly refused: (error: FrameError) => boolean;
  readonly close: (reason: Error) => void;
}

interface Wish {
  readonly frame: WishFrame;
  readonly isTrue: (view: ConversationView) => boolean;
  readonly end: Deferred<void>;
}

export function createWishes(view: () => ConversationView, send: (frame: ClientFrameInput) => boolean): Wishes {
  const wishes = new Map<string, Wish>();

  return {
    add: (frame, isTrue) => {
      if (isTrue(view())) return Promise.resolve();
      const id = newId("w");
      const wish: Wish = { frame: { ...frame, id }, isTrue, end: createDeferred<void>() };
      wishes.set(id, wish);
      send(wish.frame);
      return wish.end.promise;
    },
    look: () => {
      for (const [id, { isTrue, end }] of wishes) {
        if (!isTrue(view())) continue;
        wishes.delete(id);
        end.resolve();
      }
    },
    flush: () => {
      for (const { frame } of wishes.values()) send(frame);
    },
    refused: (error) => {
      const wish = wishes.get(error.id ?? "");
      if (wish === undefined) return false;
      wishes.delete(error.id ?? "");
      wish.end.reject(chatErrorOf(error));
      return true;
    },
    close: (reason) => {
      for (const { end } of wishes.values()) end.reject(reason);
      wishes.clear();
    },
  };
}

type NewWish = readonly [frame: WishFrame, isTrue: (view: ConversationView) => boolean];

export function titleWish(conversation_id: string, title: string): NewWish {
  return [{ type: "title", conversation_id, title }, (view) => view.title === titleLine(title)];
}

/** A view that has forgotten the message of the turn is told by `waiting`. */
export function changeWish(conversation_id: string, turn_id: string, message: string): NewWish {
  // As the server keeps it: with half a character in it the view would never show what was asked for.
  const whole = message.toWellFormed();
  const hasText = (view: ConversationView): boolean =>
    turnIn(view, turn_id)?.message?.message === whole ||
    view.waiting.some((one) => one.turn_id === turn_id && one.text === whole);
  return [{ type: "queue", conversation_id, turn_id, message }, hasText];
}

export function removalWish(conversation_id: string, turn_id: string): NewWish {
  // Of one that was answered meanwhile the server says that it was too late.
  const isOver = (view: ConversationView): boolean => turnIn(view, turn_id)?.outcome?.type === "cancelled";
  return [{ type: "queue", conversation_id, turn_id, remove: true }, isOver];
}
