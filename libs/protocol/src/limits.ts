/** Every limit that two processes must agree on. Limits of one process live in its `config.ts`. */
export const limits = {
  /** Text of one client message, UTF-8. Larger: MESSAGE_TOO_LARGE. */
  messageBytes: 32 * 1024,
  /** One frame from a client; uWebSockets.js itself cuts the socket at twice this. */
  clientFrameBytes: 64 * 1024,
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
  /** How long a turn may wait in `TURNS` until it begins. Longer: it ends with QUEUE_TIMEOUT. */
  turnQueueAgeMs: 60 * 60_000,
  /** When `TURNS` itself forgets a turn, without an end: the last fence, for the case that no worker came for days. */
  turnQueueKeepMs: 7 * 24 * 60 * 60_000,
  /** Window in which NATS recognises a repeated turn by its message id. */
  duplicateWindowMs: 10 * 60_000,
} as const;
