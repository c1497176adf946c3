import { AgentChoice, ModelChoice, redisKeys, type Simulated } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";
import { announceEveryMs } from "./tool-catalogue.ts";

/** What people can choose from, and what of it is not real. */
export interface Offer {
  /** By name. */
  readonly agents: readonly AgentChoice[];
  readonly models: readonly ModelChoice[];
  /** Of what nobody has announced it is taken to be real. */
  readonly simulated: Simulated;
}

export interface AnnouncedAgents {
  readonly agents: readonly AgentChoice[];
  readonly models: readonly ModelChoice[];
  readonly isSimulated: boolean;
}

export interface OfferDeps {
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  readonly log: Logger;
}

export type OfferBoard = ReturnType<typeof createOfferBoard>;

/** What three announcements in a row do not mention is gone. */
const staleAfterMs = 3 * announceEveryMs + 5_000;
/** Every page asks when it opens; it changes at deployments. */
const keptMs = 3_000;
const nothing: Offer = { agents: [], models: [], simulated: { model: false, cluster: false } };

const announced = z.number();
const Field = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("agent"), announced, agent: AgentChoice }),
  z.object({ kind: z.literal("model"), announced, model: ModelChoice }),
  z.object({ kind: z.literal("simulated"), announced, what: z.enum(["model", "cluster"]), simulated: z.boolean() }),
]);
type Field = z.infer<typeof Field>;
type Said = Field extends infer F ? (F extends Field ? Omit<F, "announced"> : never) : never;

/** The offer in Redis: a hash with one field for each agent, model and simulation, which workers write again and again (`announceEveryMs`). */
export function createOfferBoard({ redis, log }: OfferDeps) {
  let known = nothing;
  let askedAtMs = -Infinity;
  let loading: Promise<Offer> | undefined;
  let isKnown = false;

  const announce = async (said: readonly Said[]): Promise<void> => {
    const now = await nowOf(redis);
    const fields = said.map((one): [string, string] => [nameOf(one), JSON.stringify({ ...one, announced: now })]);
    await redis.hset(redisKeys.offer, new Map(fields));
  };

  const load = async (): Promise<Offer> => {
    // A failure counts too: a Redis that does not answer must not hold up every page.
    askedAtMs = performance.now();
    try {
      const [now, fields] = await Promise.all([nowOf(redis), redis.hgetall(redisKeys.offer)]);
      known = offerOf(Object.values(fields), now);
      isKnown = true;
    } catch (err) {
      isKnown = false;
      log.debug({ err }, "what there is to choose from cannot be read");
    }
    return known;
  };

  return {
    /** By an agent worker: whom people can ask, and with which models. */
    announceAgents: ({ agents, models, isSimulated }: AnnouncedAgents): Promise<void> =>
      announce([
        ...agents.map((agent) => ({ kind: "agent" as const, agent })),
        ...models.map((model) => ({ kind: "model" as const, model })),
        { kind: "simulated", what: "model", simulated: isSimulated },
      ]),

    /** By a tool worker that has a cluster. */
    announceCluster: (isSimulated: boolean): Promise<void> =>
      announce([{ kind: "simulated", what: "cluster", simulated: isSimulated }]),

    /** Whether the last look was answered: else what is missing may be there all the same. */
    isKnown: (): boolean => isKnown,

    /** As it was a few seconds ago; what was known last while Redis is away. Never rejects. */
    read(): Promise<Offer> {
      if (performance.now() - askedAtMs < keptMs && loading === undefined) return Promise.resolve(known);
      loading ??= load().finally(() => (loading = undefined));
      return loading;
    },
  };
}

function nameOf(said: Said): string {
  if (said.kind === "agent") return `agent ${said.agent.name}`;
  return said.kind === "model" ? `model ${said.model.name}` : `simulated ${said.what}`;
}

/** Redis' clock, so that workers and edges need not agree on the time. */
async function nowOf(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}

/** What cannot be read is left out: a newer version may have written it. */
function offerOf(texts: readonly string[], now: number): Offer {
  const fresh = texts.flatMap((text) => {
    const field = readField(text);
    return field === undefined || now - field.announced > staleAfterMs ? [] : [field];
  });
  const isSimulated = (what: string): boolean =>
    fresh.some((one) => one.kind === "simulated" && one.what === what && one.simulated);
  return {
    agents: byName(fresh.flatMap((one) => (one.kind === "agent" ? [one.agent] : []))),
    models: byName(fresh.flatMap((one) => (one.kind === "model" ? [one.model] : []))),
    simulated: { model: isSimulated("model"), cluster: isSimulated("cluster") },
  };
}

function byName<T extends { readonly name: string }>(things: readonly T[]): T[] {
  return things.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function readField(text: string): Field | undefined {
  try {
    return Field.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: somebody else wrote it.
    return undefined;
  }
}
