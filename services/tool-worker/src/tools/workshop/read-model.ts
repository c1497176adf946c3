import { createHash } from "node:crypto";
import type { connectRedis, SealedTexts, StoredDay, TextPlace, WorkshopLog } from "@parley/bus";
import { redisKeys } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { emptyDay, readDayRecord, type Booking, type DayRecord } from "./diary.ts";

type Redis = ReturnType<typeof connectRedis>;

export interface ReadModelDeps {
  readonly log: WorkshopLog;
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  /** Seals what is kept in Redis. */
  readonly texts: SealedTexts;
  readonly logger: Logger;
}

export type ReadModel = ReturnType<typeof createReadModel>;

/** Up to where Redis has read the diaries. */
interface Place {
  readonly id: string;
  readonly seq: number;
}

const at = redisKeys.workshop("at");
/** All keys there are, so that they can be dropped without a search among those of others. */
const keys = redisKeys.workshop("keys");
const diaryKey = (tenant: string): string => redisKeys.workshop(`diary:${tenant}`);

/** Whoever has begun anew meanwhile must not be disturbed: only what is known to be of another stream is dropped. */
const mostRestarts = 5;

/*
 * KEYS: the place, the list of keys. ARGV: the place as it was read (empty: none), the new one. Drops everything if the place is still that one; returns the place that
 * holds now.
 */
const beginScript = `
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return now end
for _, key in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('UNLINK', key) end
redis.call('UNLINK', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]`;

/*
 * KEYS: the place, the list of keys, the tenant's diary, then the bookings of each person. ARGV: the stream's id, the sequence up to which the caller has put all in, that
 * of this day, the date, the record; then for each person's key the number of bookings and each one's id and text. Returns 0 where Redis has lost what the caller
 * believes to be there. A day that is there already, or a newer one, stays.
 */
const applyScript = `
local id, seq = string.match(redis.call('GET', KEYS[1]) or '', '^(.*) (%d+)$')
if id ~= ARGV[1] or tonumber(seq) < tonumber(ARGV[2]) then return 0 end
local known = string.match(redis.call('HGET', KEYS[3], ARGV[4]) or '', '^(%d+) ')
if not known or tonumber(known) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[3] .. ' ' .. ARGV[5])
  redis.call('SADD', KEYS[2], KEYS[3])
  local n = 6
  for k = 4, #KEYS do
    local count = tonumber(ARGV[n])
    n = n + 1
    for _ = 1, count do
      redis.call('HSET', KEYS[k], ARGV[n], ARGV[n + 1])
      n = n + 2
    end
    redis.call('SADD', KEYS[2], KEYS[k])
  end
end
if tonumber(seq) < tonumber(ARGV[3]) then redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3]) end
return 1`;

/**
 * The diaries in Redis, by day and by person. The stream decides; this is made of it, and again when Redis has lost it. Before each look what the stream has
 * more is put in, so that nobody reads less than what was stored before they asked.
 */
export function createReadModel({ log, redis, texts, logger }: ReadModelDeps) {
  /** Brings Redis up to the stream. Throws when one of the two does not answer. */
  const catchUp = async (): Promise<void> => {
    for (let restarts = 0; restarts < mostRestarts; restarts++) {
      const [id, newest] = await Promise.all([log.id(), log.newest()]);
      const from = await placeFor(redis, { id, seq: newest });
      if (from === undefined) continue;
      if (await readOn({ log, redis, texts, logger }, from, newest)) return;
    }
    throw new Error("the diaries in Redis could not be brought up to date");
  };

  return {
    catchUp,

    /** Of a tenant, on these days, in their order. */
    async days(tenant: string, dates: readonly string[]): Promise<DayRecord[]> {
      await catchUp();
      const found = dates.length === 0 ? [] : await redis.hmget(diaryKey(tenant), ...dates);
      return Promise.all(found.map(async (text) => (text === null ? emptyDay : dayIn(texts, tenant, text))));
    },

    /** All of one person, those taken back included, in the order of their days. */
    async of(tenant: string, user: string): Promise<Booking[]> {
      await catchUp();
      const kept = await redis.hvals(personKey(tenant, user));
      const opened = await Promise.all(kept.map((text) => texts.open(redisPlace(tenant), text)));
      const bookings = opened.flatMap(
        (text) => readDayRecord(Buffer.from(`{"v":1,"bookings":[${text}]}`))?.bookings ?? [],
      );
      return bookings.toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
    },

    /** Redis' clock, so that all workers go by one. */
    async nowMs(): Promise<number> {
      const [seconds] = await redis.time();
      return Number(seconds) * 1_000;
    },
  };
}

/** Where to go on; undefined: somebody else has just begun anew, and it is to be looked again. */
async function placeFor(redis: Redis, stream: Place): Promise<Place | undefined> {
  const text = (await redis.get(at)) ?? "";
  const [, id, seq] = /^(.*) (\d+)$/.exec(text) ?? [];
  const isOurs = id === stream.id && Number(seq) <= stream.seq;
  if (isOurs) return { id: stream.id, seq: Number(seq) };
  const fresh = `${stream.id} 0`;
  const now = await redis.eval(beginScript, 2, at, keys, text, fresh);
  return now === fresh ? { id: stream.id, seq: 0 } : undefined;
}

/** False: Redis lost everything meanwhile. */
async function readOn({ log, redis, texts, logger }: ReadModelDeps, from: Place, newest: number): Promise<boolean> {
  let { seq } = from;
  while (seq < newest) {
    const day = await log.next(seq);
    if (day === undefined) return true;
    const applied = await redis.eval(
      applyScript,
      ...(await applyArguments({ id: from.id, seq }, day, { texts, logger })),
    );
    if (applied === 0) return false;
    seq = day.seq;
  }
  return true;
}

/** Of what is no day, or cannot be read, only the place moves on: under a date that nobody asks for. */
async function applyArguments(
  from: Place,
  { seq, subject, data }: StoredDay,
  { texts, logger }: Pick<ReadModelDeps, "texts" | "logger">,
): Promise<[number, ...(string | number)[]]> {
  const [, , , tenant = "_", date = ""] = subject.split(".");
  const isDay = subject.startsWith("chat.workshop.day.");
  const record = isDay ? readDayRecord(data) : undefined;
  if (isDay && record === undefined) logger.warn({ seq }, "a day of the workshop's diary cannot be read");
  const byPerson = grouped(record?.bookings ?? []);
  const sealed = async (value: object | undefined): Promise<string> =>
    value === undefined ? "" : texts.seal(redisPlace(tenant), JSON.stringify(value));
  const names = [at, keys, isDay ? diaryKey(tenant) : redisKeys.workshop("other")];
  const values: (string | number)[] = [from.id, from.seq, seq, isDay ? date : "", await sealed(record)];
  for (const [user, bookings] of byPerson) {
    names.push(personKey(tenant, user));
    values.push(bookings.length);
    for (const one of bookings) values.push(one.id, await sealed(one));
  }
  return [names.length, ...names, ...values];
}

function grouped(bookings: readonly Booking[]): Map<string, Booking[]> {
  const groups = new Map<string, Booking[]>();
  for (const one of bookings) groups.set(one.user, [...(groups.get(one.user) ?? []), one]);
  return groups;
}

function personKey(tenant: string, user: string): string {
  return redisKeys.workshop(`of:${tenant}:${createHash("sha256").update(user).digest("base64url")}`);
}

/** In Redis, where all is made anew from the stream. */
const redisPlace = (tenant: string): TextPlace => ({ scope: `t:${tenant}`, place: "workshop.redis" });

async function dayIn(texts: SealedTexts, tenant: string, text: string): Promise<DayRecord> {
  const day = await texts.open(redisPlace(tenant), text.slice(text.indexOf(" ") + 1));
  return readDayRecord(Buffer.from(day ?? "")) ?? emptyDay;
}

function orderOf({ date, time, id }: Booking): string {
  return `${date} ${time} ${id}`;
}
