import { streams, subjects } from "@parley/protocol";
import { connections, every, factsOf, fileReading, fileWriting, forEachShard, namesOf, notices } from "./rights.mjs";

/** In the account of the tool workers: where their requests to JetStream are known by another name. See `toolAccount`. */
const toolApi = "role.js.api";

/**
 * An account of its own, because permissions are not enough for the process that runs tools. Whoever may read a stream can name any subject
 * as the one to send the answer to, and JetStream obeys: with permissions alone, a tool worker can store a forged turn as its own result and
 * have it "answered" to the queue of turns (seen with 2.9.10). Answers to another account stay in that account. Reading by consumers, which
 * name such a subject too, is therefore nothing that this role gets.
 */
export function toolAccount(shards) {
  return {
    services: [
      subjects.allTokens,
      ...[subjects.allConnections, subjects.allNotices],
      subjects.allWorkshop,
      ...forEachShard(shards, (shard) => [
        subjects.toolResult(shard, every, every, every),
        subjects.toolBegun(shard, every, every, every),
        subjects.toolProgress(shard, every, every, every),
        subjects.approvalRequired(shard, every, every, every),
        ...["begun", "result", "asked"].map((kind) => factsOf(shard, kind, every)),
      ]),
      ...["asked", "run"].map((channel) => subjects.audit(channel, every, every)),
      // Files that tools give back: what people have brought they can read, and not change.
      ...[...fileWriting, subjects.filesBy("t"), subjects.allToolKeys],
    ],
    api: [
      // Its own: no other role has a right to it.
      `STREAM.CREATE.${streams.tokens}`,
      `STREAM.MSG.GET.${streams.tokens}`,
      // The workshop's diaries, which only tools write and read.
      `STREAM.CREATE.${streams.workshop}`,
      `STREAM.MSG.GET.${streams.workshop}`,
      ...connections,
      ...notices,
      `DIRECT.GET.${streams.notices}.${subjects.allNotices}`,
      // Whether whoever asked for notices on a device was signed out since: by exact names, which are hashes.
      `DIRECT.GET.${streams.gate}.${subjects.allRevoked}`,
      ...[...namesOf(shards), streams.audit, streams.keys].map((name) => `STREAM.CREATE.${name}`),
      // Wrapped data keys, read one by one, by the hash of their scope. It makes those of what tools give back, and has no right to replace another one.
      `STREAM.MSG.GET.${streams.keys}`,
      ...[subjects.allKeys, subjects.allToolKeys].map((all) => `DIRECT.GET.${streams.keys}.${all}`),
      ...fileReading,
      // How full it is, and how long it keeps, for the notes of /readyz.
      `STREAM.INFO.${streams.audit}`,
      ...forEachShard(shards, (shard) => [
        // Who wrote first, by the word of the stream's leader, and that a step committed a call. It cannot be limited to subjects.
        `STREAM.MSG.GET.${streams.events(shard)}`,
        `STREAM.MSG.GET.${streams.facts(shard)}`,
        ...[
          ...["begun", "result", "asked", "decided", "like"].map((kind) => factsOf(shard, kind, every)),
          factsOf(shard, "cancel"),
        ].map((subject) => `DIRECT.GET.${streams.facts(shard)}.${subject}`),
        ...[
          subjects.toolResult(shard, every, every, every),
          subjects.toolBegun(shard, every, every, every),
          subjects.approvalRequired(shard, every, every, every),
          subjects.control(shard, every, every),
        ].map((subject) => `DIRECT.GET.${streams.events(shard)}.${subject}`),
      ]),
    ],
    streams: [...forEachShard(shards, (shard) => [subjects.allLiveControl(shard)]), subjects.allKeysGone],
    toolApi,
  };
}
