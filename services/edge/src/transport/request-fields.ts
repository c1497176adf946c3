import { knowsUnknown, toldBody } from "@parley/dialects";
import { AuthFrame } from "@parley/protocol";
import { z } from "zod";
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

export function isKnowingUnknown({ knows = [] }: z.output<typeof Knowing>): boolean {
  return knowsUnknown(knows);
}

export function toldReply(value: object, isKnowing: boolean): Reply {
  const reply = jsonReply(200, value);
  return isKnowing ? reply : { ...reply, body: toldBody(JSON.stringify(value)) };
}
