import { randomBytes } from "node:crypto";
import type { User } from "@parley/protocol";
import { z } from "zod";
import type { Tokens } from "../auth/tokens.ts";
import { errorReply, jsonReply, type Reply } from "./reply.ts";

const Wish = z.object({
  sub: z.string().min(1).max(128).optional(),
  name: z.string().max(128).optional(),
  email: z.string().max(320).optional(),
  expires_in_s: z
    .number()
    .int()
    .min(1)
    .max(7 * 86_400)
    .default(3_600),
});

/** `POST /api/v1/auth/dev-token`: a token for whoever asks. Only where `AUTH_DEV` says so. */
export function createDevToken(tokens: Tokens) {
  return async (body: string): Promise<Reply> => {
    const wish = Wish.safeParse(parse(body));
    if (!wish.success) {
      return errorReply("INVALID_FRAME", "Send a JSON object with sub, name, email or expires_in_s, all optional.");
    }
    const { sub, name, email, expires_in_s } = wish.data;
    const user: User = {
      id: sub ?? `dev-${randomBytes(6).toString("hex")}`,
      ...(name === undefined ? {} : { name }),
      ...(email === undefined ? {} : { email }),
    };
    const { token, expiresAtMs } = await tokens.sign(user, expires_in_s * 1_000);
    return jsonReply(200, { token, user, expires_at: expiresAtMs });
  };
}

/** Undefined, which no schema takes, when it is not JSON. */
function parse(body: string): unknown {
  if (body.trim() === "") return {};
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
