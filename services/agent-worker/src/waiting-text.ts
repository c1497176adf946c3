import type { Bus, Delivery } from "@parley/bus";
import type { TurnRequest } from "@parley/protocol";
import type { TurnFold } from "./turn-fold.ts";

/**
 * What is to be answered, for the one worker that has claimed the turn. A turn that waited may have been changed or taken back: from now on it cannot be. Of one
 * that came into an idle conversation, and that nobody had before, nobody could: edges see that it is the first. Where the edge died that changed it, its
 * viewers are told here, before anything of the answer.
 */
export async function askedFor(
  { request, isFirst }: Pick<Delivery, "request" | "isFirst">,
  fold: TurnFold,
  { waitingTexts }: Pick<Bus, "waitingTexts">,
): Promise<TurnRequest> {
  if (isFirst === true) return request;
  const text = await waitingTexts.close(request);
  if (text.state === "taken back") fold.cancel ??= { by: request.user.id, reason: "taken back" };
  if (text.message === undefined) return request;
  await waitingTexts.tell(request, text);
  return { ...request, message: text.message };
}
