/**
 * Every limit that two processes must agree on. Limits of one process live in its `config.ts`. *Encoded* means: as bytes of JSON, escapes
 * included.
 */
export const limits = {
  /** Text of one client message, UTF-8. Larger: MESSAGE_TOO_LARGE. */
  messageBytes: 32 * 1024,
  /** One frame from a client; uWebSockets.js itself cuts the socket at twice this. */
  clientFrameBytes: 64 * 1024,
  /** Turns of one conversation that may wait in `TURNS`, the running one included. More: QUEUE_FULL. */
  turnsPerConversation: 8,
  /** Calls of one model step that are run. The next ones get a result that says so. */
  callsPerStep: 32,
  /** Calls of one step that get such a result; more are only counted in the last of them. */
  refusedCallsPerStep: 32,
  /** Calls of one turn. Then the model gets no tools, as at its last step. */
  callsPerTurn: 128,
  /** Name of a tool as the model called it, encoded; the rest is cut off. */
  toolNameBytes: 128,
  /** Arguments of one tool call, encoded. Larger: the call is not run and the model is told. */
  toolArgumentsBytes: 64 * 1024,
  /** Arguments of all calls of one step, encoded. Calls beyond it are not run. */
  stepArgumentsBytes: 128 * 1024,
  /** Arguments of all calls of one turn, encoded. Calls beyond it are not run. */
  turnArgumentsBytes: 256 * 1024,
  /** Result of one tool call, encoded; the tool worker cuts by line and sets `truncated`. */
  toolResultBytes: 32 * 1024,
  /** Results of all calls of one turn, encoded. A call whose result might not fit any more is not run. */
  turnResultBytes: 1024 * 1024,
  /** All calls in the end of a turn and in its transcript, encoded: beyond it results are cut to their beginning, then arguments. */
  endingCallsBytes: 160 * 1024,
  /** Characters of one `token` event, of at most six bytes each. More text is several events. */
  tokenChars: 16 * 1024,
  /** One stored event or record, encoded, with its headers. The broker's `max_payload` must not be below. */
  eventBytes: 512 * 1024,
  /** The answer of one turn, all steps together, encoded. More: MODEL_TRUNCATED. */
  responseBytes: 256 * 1024,
  /** How long `EV` keeps events, so how long a cursor can be resumed. */
  resumeWindowMs: 30 * 60_000,
  /** How long a turn may wait in `TURNS`. */
  turnQueueAgeMs: 60 * 60_000,
  /** Window in which NATS recognises a repeated turn by its message id. */
  duplicateWindowMs: 10 * 60_000,
} as const;
