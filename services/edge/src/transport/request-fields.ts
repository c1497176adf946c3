import { knowsUnknown, legacyBody } from "@parley/dialects";
import { AuthFrame, ChatError } from "@parley/protocol";
import { z } from "zod";
import type { Exchange } from "./exchange.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** The query of endpoints whose answers may have what older clients do not know. */
export const Knowing = z.object({
  knows: z
    .string()
    .max(1_024)
    .transform((text) => text.split(",").map((name) => name.trim()))
    .pipe(AuthFrame.shape.knows.unwrap())
    .optional()
    .describe(
      "What the client knows, comma-separated: `unknown`, the status of a tool call. Without it that is `failed`.",
    ),
});

export function knowsUnknownStatus({ knows = [] }: z.output<typeof Knowing>): boolean {
  return knowsUnknown(knows);
}

export function answerReply(value: object, isKnowing: boolean): Reply {
  const reply = jsonReply(200, value);
  return isKnowing ? reply : { ...reply, body: legacyBody(JSON.stringify(value)) };
}

const maxPage = 200;
const pageSize = { error: `must be a whole number from 1 to ${maxPage}` };
/** How many are on a page. */
export const pageLimit = z.coerce.number(pageSize).int(pageSize).min(1).max(maxPage).default(50);

/** The client's own id of a message. */
export const MessageId = z.string().min(1).max(128);

/** The id that came as a header; undefined when none did. Throws INVALID_FRAME for one that is too long. */
export function keyOf({ header }: Pick<Exchange, "header">): string | undefined {
  const key = header("idempotency-key");
  if (key === "") return undefined;
  if (!MessageId.safeParse(key).success) {
    throw new ChatError("INVALID_FRAME", { message: "Idempotency-Key may have 128 characters." });
  }
  return key;
}

/** For `catch`: throws what was thrown; of a message whose id was used before, as its sender knows that id. */
export function namingKey(exchange: Pick<Exchange, "header">): (thrown: unknown) => never {
  return (cause) => {
    if (!(cause instanceof ChatError) || cause.code !== "CONFLICT" || keyOf(exchange) === undefined) throw cause;
    const message = "Another message was sent with this Idempotency-Key. Send this one with a key of its own.";
    throw new ChatError("CONFLICT", { message, cause });
  };
}
