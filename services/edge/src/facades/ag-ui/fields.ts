import { z } from "zod";

/** Fields of the requests of AG-UI's and CopilotKit's clients. */

/** A run brings the whole thread. */
export const maxRunBytes = 8 * 1024 * 1024;

export const PathName = z.string().min(1).max(256);

export const AgentName = PathName.pipe(z.string().max(64));

export const StopAnswer = z.object({ stopped: z.boolean().describe("False: nothing ran.") });
