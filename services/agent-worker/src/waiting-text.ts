import type { Bus, Delivery } from "@parley/bus";
import { ChatError, type TurnRequest } from "@parley/protocol";
import type { TurnFold } from "./turn-fold.ts";

function unreadableText(): ChatError {
  const message =
    "This message was changed by a newer version of the service, and this one cannot read it. Send it again.";
  return new ChatError("PROCESSING_ERROR", { message, retryable: true });
}

/**
 * What is to be answered, for the one worker that has claimed the turn. A turn that waited may have been changed or taken back: from now on it cannot be. Of one
 * that came into an idle conversation, and that nobody had before, nobody could: edges see that it is the first. Where the edge died that changed it, its
 * viewers are told here, before anything of the answer. One whose text only a newer version can read is not answered: not to what it said before either.
 */
export async function askedFor(
  { request, isFirst }: Pick<Delivery, "request" | "isFirst">,
  fold: TurnFold,
  { bus: { waitingTexts }, stop }: { readonly bus: Pick<Bus, "waitingTexts">; readonly stop: AbortController },
): Promise<TurnRequest> {
  if (isFirst === true) return request;
  const text = await waitingTexts.close(request);
  if (text === "unreadable") {
    stop.abort(unreadableText());
    return request;
  }
  if (text.state === "taken back") fold.cancel ??= { by: request.user.id, reason: "taken back" };
  if (text.message === undefined) return request;
  await waitingTexts.tell(request, text);
  return { ...request, message: text.message };
}
