import { z } from "zod";

/**
 * W3C `traceparent` (w3.org/TR/trace-context) of the span that caused a message: whoever handles it goes on with its trace, also a worker
 * that takes over. Absent when nothing is recorded. Whoever cannot read it records nothing; no turn may fail over its trace.
 */
export const traceParent = () => z.string().max(64).optional();

/** The subject of turns with a placeholder: spans are named by it, so that the name is the same for all conversations. */
export const turnsDestination = "chat.turns.{conversation}";
