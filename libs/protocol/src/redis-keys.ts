import { toolQueueName } from "./streams.ts";

/** The only file that knows keys of Redis, beside the catalogue of tools and what BullMQ makes of the queue's name. */
export const redisKeys = {
  /** Lost together with the lists of conversations. */
  conversationsUnbroken: "parley:conversations:unbroken",
  /** Where a user's list begins. The braces keep one user's keys on one node of a cluster. */
  conversationsOf: (user: string): string => `parley:{${user}}:conversations`,
  /** Agents, models and what is simulated, as workers announce them. */
  offer: "parley:offer",
  /** Documents of the agents, as workers announce them; their texts beside it, by their hash. */
  knowledge: "parley:knowledge",
  knowledgeText: (hash: string): string => `parley:knowledge:${hash}`,
  /** Whose turn it is in the queue of tool calls; beside the queue's own keys, so that they are lost together and whoever may use the queue may use them. */
  toolRound: `bull:${toolQueueName}:parley:round`,
  toolRanks: `bull:${toolQueueName}:parley:ranks`,
  /** What tool workers have read of the workshop's diaries; the braces keep it on one node of a cluster. */
  workshop: (name: string): string => `parley:{workshop}:${name}`,
} as const;

/** How keys begin that edges share with each other; those of `limits` also agent workers. */
export const sharedKeyPrefixes = {
  limits: "limits:",
  sessions: "sessions:",
  tickets: "tickets:",
  /** Accounts that people are about to connect. */
  connections: "connections:",
  /** Who is kept out, and for how long. */
  blocks: "blocks:",
  /** Under which id a request without one is known, for as long as its client may send it again. */
  requests: "requests:",
  /** What edges know together of clients of MCP; below `requests:`, so that no role needs another right. */
  mcp: "requests:mcp:",
} as const;
