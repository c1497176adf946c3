import { ChatError } from "@parley/protocol";
import { z } from "zod";

/** Fields of the requests of AG-UI's and CopilotKit's clients. */

/** A run brings the whole thread. */
export const maxRunBytes = 2 * 1024 * 1024;

/** A name in a path: clients encode it, and the server of HTTP leaves it so. */
export const PathName = z
  .string()
  .min(1)
  .max(1_024)
  .transform((text) => decoded(text))
  .pipe(z.string().min(1).max(256));

/** Throws INVALID_FRAME. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The address is not encoded as addresses are.", cause });
  }
}

export const AgentName = PathName.pipe(z.string().max(64));

export const StopAnswer = z.object({ stopped: z.boolean().describe("False: nothing ran.") });
