import { clientLimits } from "./client-limits.ts";

/**
 * Every limit that two processes must agree on. Limits of one process live in its `config.ts`. *Encoded* means: as bytes of JSON, escapes
 * included.
 */
export const limits = {
  ...clientLimits,
  /** Characters of a conversation's title, without the white space around it. Longer, or empty: INVALID_FRAME. */
  titleChars: 200,
  /** Characters in which somebody says why a person is to answer. More: INVALID_FRAME. */
  handoverReasonChars: 500,
  /** Members of a conversation beside its owner. More: CONFLICT. */
  roomMembers: 1_000,
  /** All people of a conversation with invitations, names of agents and pins, encoded: they are one record. More: CONFLICT. */
  peopleBytes: 256 * 1024,
  /** Invitations of a conversation that can still be taken. More: CONFLICT. */
  roomInvites: 50,
  /** The longest that an invitation can be taken. */
  roomInviteMs: 30 * 24 * 60 * 60_000,
  /** Names of a conversation for agents. More: INVALID_FRAME. */
  roomAgents: 20,
  /** Pinned messages of a conversation. More: CONFLICT. */
  roomPins: 50,
  /** Members that frames name, those who are present and those who type; above it the numbers alone are told, and only one's own marks. */
  roomMembersShown: 100,
  /** Users on whose behalf a gateway may ask over one connection. More: QUOTA_EXCEEDED. */
  gatewayUsers: 1_000,
  /** Files of one message. More: INVALID_FRAME. */
  filesPerMessage: 10,
  /** Parts of one message as a client sends it. More: INVALID_FRAME. */
  saidParts: 64,
  /** Files that one tool call gives back. The next ones are left out, and the model is told. */
  filesPerCall: 8,
  /** Users whom one message may address. More: INVALID_FRAME. */
  mentions: 20,
  /** Characters (code points) of a reaction. */
  reactionChars: 32,
  /** Different reactions to one message. More: CONFLICT. */
  reactionKinds: 20,
  /** Those of one user to one message. More: CONFLICT. */
  reactionsOfUser: 10,
  /** All of one message. More: CONFLICT. */
  reactionsOfMessage: 500,
  /** Earlier texts of a message that a room keeps; the oldest go. */
  earlierTexts: 10,
  /** All of them, encoded; the oldest go. */
  earlierTextsBytes: 64 * 1024,
  /** What became of one message, encoded as its event, which says a changed text twice. Larger: MESSAGE_TOO_LARGE of a text, CONFLICT of a reaction. */
  changeBytes: 384 * 1024,
  /** How long what an edge says of who is there and who types holds, unless it says it again. */
  signalMs: 10_000,
  /** How often at most an edge tells, and viewers are told, who types, is there or has read on. */
  signalEveryMs: 1_000,
  /** How often an edge says it again where nothing has changed: less than half of `signalMs`, so one that is lost changes nothing. */
  signalAgainMs: 4_000,
  /** How long somebody types who does not say it again. */
  typingMs: 6_000,
  /** How often at most it is stored how far one user has read in one conversation. */
  readEveryMs: 2_000,
  /** Unread messages of a conversation that are counted; more are told as so many. */
  unreadShown: 99,
  /** What an edge says of one room, encoded. Beyond it names are left off, then people. */
  signalBytes: 64 * 1024,
  /** Conversations that a queue of hand-overs remembers; the oldest stay. */
  handoversOpen: 10_000,
  /** What somebody says of an answer beside the rating, UTF-8. Larger: MESSAGE_TOO_LARGE. */
  feedbackCommentBytes: 2 * 1024,
  /** How often one user may change what they say of an answer. More: CONFLICT. */
  feedbackChanges: 100,
  /** All that was said of the answers of one conversation, encoded: one record. More: CONFLICT; what is there can be changed and taken back. */
  feedbackBytes: 256 * 1024,
  /** What the beginning of a conversation came to, as a model has summarised it, encoded; the rest is cut off. */
  summaryBytes: 4 * 1024,
  /** What is remembered of one user in a tenant: so many facts. More: CONFLICT. */
  memoryFacts: 100,
  /** One of them, UTF-8. Larger: MESSAGE_TOO_LARGE; an agent's call fails. */
  memoryFactBytes: 500,
  /** All of them, encoded: one record. More: CONFLICT. */
  memoryBytes: 128 * 1024,
  /** Of them what a model is given, the newest first. */
  memoryPromptBytes: 8 * 1024,
  /** Devices of one user that are told when they are away. One more takes the place of the one that was not seen for longest. */
  noticeDevices: 10,
  /** Of a message, in its notice, where the operator wants text in it: so many characters. */
  noticeTextChars: 160,
  /** Members of a room with more are told of messages that address them, and of no others. */
  noticeRoomMembers: 50,
  /** Characters of an access token. Longer: AUTH_INVALID. */
  accessTokenChars: 16_384,
  /** Objects and arrays of `metadata` within each other. Deeper: INVALID_FRAME. */
  metadataDepth: 32,
  /** The same with its escapes, of which JSON may make six bytes for one (`\u0000`). A larger frame ends its socket. */
  escapedFrameBytes: 6 * 64 * 1024,
  /** Text of a message that waits, encoded, as `queue` tells it; the rest is cut off. The message itself has all of it. */
  waitingTextBytes: 8 * 1024,
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
  /** Objects and arrays of arguments within each other. Deeper: the same, as JSON can be parsed at depths at which it cannot be written again. */
  toolArgumentsDepth: 64,
  /** Arguments of a call that has ended, encoded, in its own end, that of its turn and the transcript. Of longer ones values are cut; its fact has them whole. */
  endedArgumentsBytes: 2 * 1024,
  /** Arguments of all calls of one step, encoded. Calls beyond it are not run. */
  stepArgumentsBytes: 128 * 1024,
  /** Arguments of all calls of one turn, encoded. Calls beyond it are not run. */
  turnArgumentsBytes: 256 * 1024,
  /** What a provider wants to have back with the calls of one step (ids, signatures, reasoning), encoded. Reasoning is cut first. */
  stepProviderBytes: 32 * 1024,
  /** The same for all steps of one turn. */
  turnProviderBytes: 96 * 1024,
  /** Result of one tool call, encoded; the tool worker cuts by line and sets `truncated`. */
  toolResultBytes: 32 * 1024,
  /** Results of all calls of one turn, encoded. A call whose result might not fit any more is not run. */
  turnResultBytes: 1024 * 1024,
  /** All calls in the end of a turn and in its transcript, encoded: beyond it results are cut to their beginning, then arguments. */
  endingCallsBytes: 160 * 1024,
  /** Reasoning of one turn that is kept, encoded. What comes after it is told by a last line alone. */
  turnReasoningBytes: 32 * 1024,
  /** Characters of one `token` or `reasoning` event, of at most six bytes each. More text is several events. */
  tokenChars: 16 * 1024,
  /** What a person is shown of a call that waits for agreement: the sentence, encoded. */
  approvalSummaryBytes: 2 * 1024,
  /** The same: what would change, encoded; cut beyond it. */
  approvalPreviewBytes: 32 * 1024,
  /** Characters of what whoever agrees to a call has to type. */
  approvalConfirmChars: 200,
  /** The longest that people get to decide on a call. */
  approvalMs: 24 * 60 * 60_000,
  /** How much later than its time, by the broker's clock, a person's agreement still counts. */
  approvalGraceMs: 5_000,
  /** The same for the beginning of a call that was agreed to: an agreement in the last moment outlasts the loss of a worker. Later it is not run. */
  approvalBeginGraceMs: 30_000,
  /** One stored event or record, encoded, with its headers. The broker's `max_payload` must not be below. */
  eventBytes: 512 * 1024,
  /** The answer of one turn, all steps together, encoded. More: MODEL_TRUNCATED. */
  responseBytes: 256 * 1024,
  /** How long `EV` keeps events, so how long a cursor can be resumed. */
  resumeWindowMs: 30 * 60_000,
  /** How long a turn may wait in `TURNS` until it begins. Longer: it ends with QUEUE_TIMEOUT. */
  turnQueueAgeMs: 60 * 60_000,
  /** When `TURNS` itself forgets a turn, without an end: the last fence, for the case that no worker came for days. */
  turnQueueKeepMs: 7 * 24 * 60 * 60_000,
  /** The whole result of a tool call as a fact keeps it, encoded; events, ends and the model get its beginning (`toolResultBytes`). */
  factResultBytes: 256 * 1024,
  /** Of each passage that was found for an answer, what readers of its sources are shown, encoded; the rest is cut off. */
  passageBytes: 1024,
  /** Sources of one answer that have such a passage. */
  passagesPerTurn: 8,
  /** What is revoked at a time, in all: each edge keeps it in memory, some 300 bytes each. More is refused until some have run out. */
  revocations: 50_000,
  /** The same as records, on disk. */
  revocationsBytes: 32 * 1024 * 1024,
  /** How long something stays revoked when nobody says: as long as the longest token is accepted. */
  revocationMs: 366 * 24 * 60 * 60_000,
  /** One entry of the audit log: what it names is bounded, and what has no room is left out and counted. */
  auditEntryBytes: 8 * 1024,
  /** Records that the record of a turn, or of its answer, names beside the one before it: an odd number, so that the last one is an answer too. */
  recordsBack: 47,
  /** Records that are looked through for the branches of a conversation, from the newest backwards. What is older is one path to whoever asks. */
  branchRecords: 4_000,
  /** Records on one page of a transcript, encoded: then it ends, whichever number of messages was asked for. A turn is never divided. */
  transcriptPageBytes: 4 * 1024 * 1024,
  /** What a message of a client that keeps its conversation itself brings of it, encoded. Larger: INVALID_FRAME. */
  givenMessagesBytes: 256 * 1024,
  /** The same in messages. */
  givenMessages: 512,
  /** What a client brought with a message, encoded, as it is kept for 8 days for whoever wants the answer once more: as much as a message may be. Larger: it is answered once. */
  givenKeptBytes: 32 * 1024,
  /** Tools and settings that a client brings with a message, encoded: half of it each. */
  givenToolsBytes: 64 * 1024,
  /** Tools that a client brings with a message. */
  givenTools: 128,
  /** Calls of a client's tools in which an answer ends, encoded; and at most `callsPerStep`. More: MODEL_TRUNCATED. */
  clientCallsBytes: 48 * 1024,
  /** Window in which NATS recognises a repeated turn by its message id. */
  duplicateWindowMs: 10 * 60_000,
} as const;
