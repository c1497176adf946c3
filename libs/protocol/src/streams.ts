/** The only file that knows the name of a stream, a consumer or a queue. */

export const streams = {
  turns: "TURNS",
  events: (shard: number): string => `EV_${shard}`,
  log: (shard: number): string => `LOG_${shard}`,
  facts: (shard: number): string => `FACT_${shard}`,
  /** Who is kept out, of the whole deployment. */
  gate: "GATE",
  /** Tokens with which tool workers sign in elsewhere, sealed. */
  tokens: "TOKENS",
  /** Tokens of people's own accounts elsewhere, sealed. */
  connections: "CONNECTIONS",
  /** What users want to be remembered, of the whole deployment. */
  memory: "MEMORY",
  /** What users want to be told when they are away, and where. */
  notices: "NOTICES",
  /** Who did what, of the whole deployment. */
  audit: "AUDIT",
  /** Documents that tenants have brought. */
  documents: "DOCUMENTS",
  /** Who is held, who wants to be forgotten, and how far that is; who has the work of it. */
  privacy: "PRIVACY",
  /** The diaries of the workshop, of which Redis is made again. */
  workshop: "WORKSHOP",
  /** What turns have used, of the whole deployment; there where quotas are, or somebody wants it kept. */
  usage: "USAGE",
  /** Data keys, wrapped; there where what is stored is encrypted. */
  keys: "KEYS",
  /** Files of the whole deployment, without their bytes. */
  files: "FILES",
  /** Their bytes, where these are at the broker: the bucket `parley_files` of its object store. */
  fileBytes: "OBJ_parley_files",
} as const;

/** In the metadata of an event stream: when it was made, ms since 1970. All cursors of the stream are counted from it. */
export const generationKey = "parley.generation";

/** The durable consumer all agent workers share. */
export const turnsConsumer = "agents";

/** The durable consumer on the facts of each shard by which agent workers hear of decisions. */
export const wakeConsumer = "wake";

/** Those who answer questions about documents: one of them gets each. */
export const documentReaders = "document-readers";

/** BullMQ queue of tool calls. */
export const toolQueueName = "tools";

/** BullMQ queue of what people who are away are told. */
export const noticeQueueName = "notices";

/** BullMQ queue of the same to single devices. */
export const pushQueueName = "pushes";
