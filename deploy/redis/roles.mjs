import {
  noticeQueueName,
  pushQueueName,
  redisKeys,
  sharedKeyPrefixes,
  toolCatalogueKey,
  toolQueueName,
} from "@parley/protocol";

const under = (prefix) => `${prefix}*`;
/** BullMQ's own prefix. */
const queue = under(`bull:${toolQueueName}:`);
const notices = under(`bull:${noticeQueueName}:`);
const pushes = under(`bull:${pushQueueName}:`);
const waitingCalls = ["wait", "prioritized"].map((name) => `bull:${toolQueueName}:${name}`);
const { limits, sessions, tickets, connections, blocks, requests } = sharedKeyPrefixes;

/**
 * What every process may do, with keys of its role: signing in, values by their kind, scripts (each command in them is checked like any other) and
 * transactions. Named one by one where the kind has more: SCAN, KEYS, RANDOMKEY and DBSIZE would tell of keys of others.
 */
const commands = [
  ...["@connection", "@string", "@hash", "@list", "@set", "@sortedset", "@stream"].map((kind) => `+${kind}`),
  ...["del", "unlink", "exists", "type", "rename"].map((name) => `+${name}`),
  ...["expire", "pexpire", "expireat", "pexpireat", "ttl", "pttl", "persist"].map((name) => `+${name}`),
  ...["eval", "evalsha", "multi", "exec", "discard", "time"].map((name) => `+${name}`),
  // Among those of connections and kinds: CLIENT KILL, CLIENT LIST, SORT and their like.
  ...["-@admin", "-@dangerous"],
  // ioredis asks whether Redis has loaded its data, and BullMQ for its version.
  "+info",
];
/** Who would wait with them holds one of Redis' connections, and answers people meanwhile. */
const withoutWaiting = [...commands, "-@blocking"];

/** By user: keys that may be read and written, keys that may be read, commands. */
export const redisRoles = {
  edge: {
    keys: [
      redisKeys.conversationsUnbroken,
      under(redisKeys.conversationsOf("*")),
      // Calls of a conversation that is deleted are dropped.
      queue,
      notices,
      // What is on its way to somebody who is erased goes.
      pushes,
      ...[limits, sessions, tickets, connections, blocks, requests].map(under),
    ],
    // Its /health says whether there are tool workers.
    reads: [toolCatalogueKey, redisKeys.offer, redisKeys.knowledge, redisKeys.knowledgeText("*")],
    commands: withoutWaiting,
  },
  agent: {
    // In the lists it moves what it has answered.
    keys: [
      queue,
      under(limits),
      redisKeys.offer,
      redisKeys.knowledge,
      redisKeys.knowledgeText("*"),
      redisKeys.conversationsOf("*"),
    ],
    reads: [toolCatalogueKey],
    commands: withoutWaiting,
  },
  tool: {
    keys: [queue, notices, pushes, toolCatalogueKey, redisKeys.offer, redisKeys.workshop("*")],
    reads: [],
    commands,
  },
  /** KEDA, which asks by a script how many calls wait. */
  scaler: {
    keys: waitingCalls,
    reads: [],
    commands: ["+@connection", "+eval", "+evalsha", "+type", "+llen", "+zcard", "-@admin", "-@dangerous"],
  },
};
