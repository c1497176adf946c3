/** Every limit that two processes must agree on. Limits of one process live in its `config.ts`. */
export const limits = {
  /** Text of one client message, UTF-8, however its JSON escapes it. Larger: MESSAGE_TOO_LARGE. */
  messageBytes: 32 * 1024,
  /** Objects and arrays of `metadata` within each other. Deeper: INVALID_FRAME. */
  metadataDepth: 32,
  /** One frame from a client, or one body over HTTP, each JSON escape counted as what it stands for. Larger: MESSAGE_TOO_LARGE. */
  clientFrameBytes: 64 * 1024,
  /** The same with its escapes, of which JSON may make six bytes for one (`\u0000`). A larger frame ends its socket. */
  escapedFrameBytes: 6 * 64 * 1024,
  /** Turns of one conversation that may wait in `TURNS`, the running one included. More: QUEUE_FULL. */
  turnsPerConversation: 8,
  /** Arguments of one tool call as JSON text. */
  toolArgumentsBytes: 64 * 1024,
  /** Result of one tool call; the tool worker cuts by line and sets `truncated`. */
  toolResultBytes: 32 * 1024,
  /** One stored event; NATS itself refuses payloads above 1 MiB. */
  eventBytes: 512 * 1024,
  /** The answer of one turn, all steps together, UTF-8. More: MODEL_TRUNCATED. */
  responseBytes: 256 * 1024,
  /** How long `EV` keeps events, so how long a cursor can be resumed. */
  resumeWindowMs: 30 * 60_000,
  /** How long a turn may wait in `TURNS`. */
  turnQueueAgeMs: 60 * 60_000,
  /** Window in which NATS recognises a repeated turn by its message id. */
  duplicateWindowMs: 10 * 60_000,
} as const;
