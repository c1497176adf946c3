import type { Bus } from "@parley/bus";
import {
  ChatError,
  checkMessageText,
  type QueueFrame,
  type TurnRequest,
  type Caller,
  type User,
} from "@parley/protocol";
import { requestCancel } from "./cancel.ts";
import type { Ownership } from "./ownership.ts";

export interface QueueDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "waitingTexts">;
  readonly ownership: Ownership;
}

export type QueueWish = Omit<QueueFrame, "type" | "id">;

/**
 * `queue`: changes a message that waits, or takes it back. It counts if it is stored before a worker has begun the turn; else CONFLICT. The fact comes
 * first, then the event: where this edge dies in between, the worker that begins the turn tells the new text, or ends the turn. Taking back can be
 * repeated: whoever got no answer to it asks again, and it would not be true that it was too late.
 */
export function createQueueHandler({ bus, ownership }: QueueDeps) {
  const { turns, facts, waitingTexts } = bus;

  const isTakenBack = async ({ remove, ...address }: QueueWish): Promise<boolean> =>
    remove === true && (await waitingTexts.read(address))?.state === "taken back";

  /** Undefined: it was taken back before, and that has ended the turn. Throws NOT_FOUND, CONFLICT, or FORBIDDEN for a message of somebody else. */
  const find = async (user: User, wish: QueueWish): Promise<TurnRequest | undefined> => {
    const { conversation_id, turn_id } = wish;
    const queued = await turns.waiting(conversation_id);
    const ended = await Promise.all(queued.map(turns.hasEnded));
    const open = queued.filter((_, i) => ended[i] !== true);
    const place = open.findIndex(({ request }) => request.turn_id === turn_id);
    const request = open[place]?.request;
    if (request === undefined) {
      if (await isTakenBack(wish)) return undefined;
      const said = await facts.read("said", { conversation: conversation_id, turn: turn_id });
      throw said === undefined ? new ChatError("NOT_FOUND", { message: "No such message waits." }) : tooLate();
    }
    if (request.user.id !== user.id) throw new ChatError("FORBIDDEN", { message: "This message is somebody else's." });
    // A worker that gets a turn which came into an idle conversation begins it without a look at its text.
    if (place === 0 && !(await isTakenBack(wish))) throw tooLate();
    return request;
  };

  return async (caller: Caller, wish: QueueWish): Promise<void> => {
    const { conversation_id, turn_id, message } = wish;
    if ((message === undefined) === (wish.remove === undefined)) throw notOne();
    if (message !== undefined) checkMessageText(message);
    await ownership.check(conversation_id, caller, "conversation:queue");
    const { user } = caller;
    const request = await find(user, wish);
    if (request === undefined) return;
    if (message !== undefined) return waitingTexts.tell(request, await waitingTexts.change(request, message));
    await waitingTexts.takeBack(request);
    await requestCancel(bus, { conversation: conversation_id, turn: turn_id, by: user.id, reason: "taken back" });
  };
}

function tooLate(): ChatError {
  return new ChatError("CONFLICT", { message: "It is too late: this message is being answered, or was." });
}

function notOne(): ChatError {
  return new ChatError("INVALID_FRAME", { message: "The frame is not valid: it has either a message or remove." });
}
