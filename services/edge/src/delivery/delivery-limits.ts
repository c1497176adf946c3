/** The limits of sending, in one place, each with its reason. */
export const deliveryLimits = {
  /** Events a hub keeps ready: a turn of some 10 s at 40 appends a second. The older half goes at once, so evicting costs little per event. */
  ringEvents: 512,
  /** The same in bytes. With 1,000 busy conversations that is 64 MB. */
  ringBytes: 64 * 1024,
  /** A hub without a new event for this long lets go of its ring: its viewers have all of it. */
  ringIdleMs: 60_000,
  /** A hub stays this long after its last viewer left: a page that reloads finds the ring. */
  lingerMs: 30_000,
  /** A hub with a running turn that is silent for this long looks into the stream: a copy may have been lost between brokers. */
  silenceMs: 15_000,
  /**
   * By how much a live copy may be late for a cursor that a client brings, in events of its conversation: each token waits for the broker's answer to the one before, so a
   * copy that so many have overtaken was late by a hundred round trips.
   */
  overtakingEvents: 128,
  /** And in events of its stream: 180 ms of the most that one stream takes (22,800 a second), seconds of what it usually gets. */
  overtakingSeqs: 4_096,
  /**
   * A turn's message follows its place in the queue within milliseconds. One that was stored by so much later was written again, since it was forgotten, or was
   * late: then the facts are asked whether the turn has waited.
   */
  lateMessageMs: 500,
  /** Live messages that wait while a hub re-reads a part of the stream. More: they are dropped and read again. */
  syncQueueMessages: 4_096,

  /** Up to this many missing events are sent as they are; more are folded into snapshots. */
  replayEvents: 200,
  /** The same in bytes; below `softBytes`, so that a replay alone never makes a socket lag. */
  replayBytes: 24 * 1024,
  /** A run of events of one turn up to this size is not worth a snapshot. */
  rawRunEvents: 4,
  rawRunBytes: 2 * 1024,
  /** Messages of the transcript in a snapshot, and their size together. Older ones are fetched over HTTP. */
  snapshotMessages: 50,
  snapshotBytes: 256 * 1024,
  /**
   * Parts of the turn that runs in a snapshot: it says the same once more as text and calls, for clients that do not know parts. They are taken off
   * `snapshotBytes`. Larger: the snapshot goes without them, and a client does not learn in which order text and calls came.
   */
  snapshotPartsBytes: 192 * 1024,
  /** Results of the calls of that turn; larger, and they are cut to their beginnings. What they have beside is in the events, and in the transcript. */
  snapshotResultBytes: 192 * 1024,
  /** What people are shown of the calls they are to agree to; larger, and each is cut to its beginning. */
  snapshotPreviewBytes: 64 * 1024,

  /** A batch of frames is not longer than this, unless one frame is: below `softBytes`, so that between two of them it is looked whether the socket takes more. */
  batchBytes: 16 * 1024,
  /** More than this unsent: the socket lags and gets no more events until half of it has left. */
  softBytes: 32 * 1024,
  /**
   * Answers to its own frames that a lagging socket may still add before it is closed with 4002. Together with `softBytes` this is the
   * hard limit of 96 KB; a large snapshot that was sent while the socket was writable does not count against it, because closing a slow
   * but healthy viewer for the size of its answer would make it reconnect for the same answer for ever.
   */
  owedBytes: 64 * 1024,
  /** A socket that lags for this long is closed with 4002. */
  lagMs: 30_000,
  /**
   * uWebSockets.js drops whatever is sent above this and closes without a code, so it is far above our own limits: the largest single
   * frame (two full answers) still leaves room for the close frame.
   */
  maxBackpressureBytes: 1024 * 1024,
  /** Unsent bytes of all sockets together. Above it the sockets that lag for the longest are closed. */
  totalBufferedBytes: 256 * 1024 * 1024,
} as const;

export type DeliveryLimits = { readonly [Name in keyof typeof deliveryLimits]: number };
