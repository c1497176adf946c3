/** Those that a client keeps too, so that nothing is sent only to be refused. Apart from the others: browsers load these. */
export const clientLimits = {
  /** Text of one client message, UTF-8, however its JSON escapes it. Larger: MESSAGE_TOO_LARGE. */
  messageBytes: 32 * 1024,
  /** One frame from a client, or one body over HTTP, each JSON escape counted as what it stands for. Larger: MESSAGE_TOO_LARGE. */
  clientFrameBytes: 64 * 1024,
  /** Turns of one conversation that may wait in `TURNS`, the running one included. More: QUEUE_FULL. */
  turnsPerConversation: 8,
  /** How long facts are kept: a day more than a turn may be in `TURNS`, so that none is run by a worker that cannot know what was decided. */
  factKeepMs: 8 * 24 * 60 * 60_000,
} as const;
