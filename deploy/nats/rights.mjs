import { streams, subjects } from "@parley/protocol";

/** Pieces of what the roles at the broker may do. */

/** In permissions: any token. */
export const every = "*";

export const forEachShard = (shards, list) => Array.from({ length: shards }, (_, shard) => list(shard)).flat();
export const namesOf = (shards) => [
  streams.turns,
  ...forEachShard(shards, (shard) => [streams.events(shard), streams.log(shard), streams.facts(shard)]),
];

/** Of one kind, in any conversation; with a call where it is about one. */
export const factsOf = (shard, kind, call) =>
  subjects.fact(shard, every, every, { kind, ...(call === undefined ? {} : { call }) });

/** Making a stream that is missing, asking for its state, reading single messages: what every process does. */
export function reading(names) {
  return names.flatMap((name) => [
    `STREAM.CREATE.${name}`,
    `STREAM.INFO.${name}`,
    `STREAM.MSG.GET.${name}`,
    `DIRECT.GET.${name}`,
    `DIRECT.GET.${name}.>`,
  ]);
}

/** Reading a conversation's events in one go, by a consumer that lives for a moment. */
export function readConsumers(name) {
  return [
    `CONSUMER.CREATE.${name}`,
    `CONSUMER.CREATE.${name}.>`,
    `CONSUMER.INFO.${name}.*`,
    `CONSUMER.MSG.NEXT.${name}.*`,
    `CONSUMER.DELETE.${name}.*`,
  ];
}

/** What users want to be told when they are away, and where: edges show and change it, tool workers read it and take out what is gone. */
export const notices = [`STREAM.CREATE.${streams.notices}`, `STREAM.MSG.GET.${streams.notices}`];

/** Accounts that people connect at edges, and tool workers use. The deployment's own tokens edges can neither write nor read. */
export const connections = [`STREAM.CREATE.${streams.connections}`, `STREAM.MSG.GET.${streams.connections}`];

/** Reading files, by messages of one subject after the other; and making their streams where they are missing. */
export const fileReading = [...reading([streams.files]), ...reading([streams.fileBytes])];
/** Their bytes, and to whom they belong. */
export const fileWriting = [...subjects.allFileBytes, subjects.fileLink(every, every)];
