import { createBackoff, sleep, withDeadline, type Logger } from "@parley/runtime";
import type { Embed } from "../model/embedding-client.ts";
import type { Passage } from "./passage.ts";
import { packed, similarity, vectorKey, type PackedVector, type VectorStore } from "./vector-store.ts";

export interface SemanticDeps {
  readonly embed: Embed;
  /** Its name is part of what a vector is known by. */
  readonly model: string;
  /** Undefined: vectors are kept in memory alone. */
  readonly store: VectorStore | undefined;
  /** Passages that are less alike are not found. It depends on the model. */
  readonly minSimilarity: number;
  readonly log: Logger;
  /** A question waits so long for its vector; then words alone are searched. */
  readonly queryMs?: number;
}

/** A passage, and how alike it and the question are. */
export interface AlikePassage {
  readonly passage: Passage;
  readonly similarity: number;
}

export type SemanticIndex = ReturnType<typeof createSemanticIndex>;

const defaultQueryMs = 300;
/** After a failure nobody waits for the provider for so long. */
const restMs = 5_000;
const batchTexts = 64;
const batchMs = 30_000;
/** Each takes 1.5 KB with the usual models. */
const mostVectors = 60_000;
/** Compared with one question: some 2 µs each. */
const mostCompared = 10_000;
const mostFound = 50;
const mostQueries = 256;
/** One after the other, some 15 s in all. */
const mostFailures = 5;

/**
 * Finds passages by what they mean, by vectors of a model of the provider. Vectors of passages are made in the background: what has none yet is found by its
 * words alone. So is everything while the provider is away.
 */
export function createSemanticIndex(deps: SemanticDeps) {
  const vectors = createVectors(deps);
  const vectorOf = createQueryVectors(deps);

  return {
    /** Makes the vectors that are missing. Returns at once. */
    prepare: vectors.prepare,

    /** Resolves when all that was to be prepared has a vector, or the provider failed. For evaluations and tests. */
    prepared: vectors.settled,

    /** The most alike first. Undefined: nothing can be said, as the provider does not answer in time. */
    async rank(query: string, passages: readonly Passage[]): Promise<AlikePassage[] | undefined> {
      vectors.prepare(passages);
      const vector = await vectorOf(query);
      if (vector === undefined) return undefined;
      const alike: AlikePassage[] = [];
      for (const passage of passages.slice(0, mostCompared)) {
        const known = vectors.of(passage);
        const cosine = known === undefined ? undefined : similarity(vector, known);
        // It is of another model under the same name, or the provider has changed it.
        if (known !== undefined && cosine === undefined) vectors.forget(passage);
        if (cosine !== undefined && cosine >= deps.minSimilarity) alike.push({ passage, similarity: cosine });
      }
      return alike.toSorted((one, other) => other.similarity - one.similarity).slice(0, mostFound);
    },
  };
}

function textOf({ title, text }: Passage): string {
  return `${title}\n${text}`.slice(0, 8_000);
}

type Keep = (id: string, vector: PackedVector) => void;

/** Gives passages their vectors: those that are stored, and of the provider what is missing. `stale`: whose stored one is of no use. */
function createMaking({ embed, model, store }: SemanticDeps, stale: Set<string>, keep: Keep) {
  return async (batch: readonly Passage[]): Promise<void> => {
    const missing: Passage[] = [];
    for (const passage of batch) {
      const found = stale.has(passage.id) ? undefined : await store?.read(vectorKey(model, textOf(passage)));
      if (found === undefined) missing.push(passage);
      else keep(passage.id, found);
    }
    if (missing.length === 0) return;
    const made = await embed(missing.map(textOf), AbortSignal.timeout(batchMs));
    for (const [nth, passage] of missing.entries()) {
      const vector = made[nth];
      if (vector === undefined) continue;
      keep(passage.id, packed(vector));
      stale.delete(passage.id);
      await store?.write(vectorKey(model, textOf(passage)), packed(vector));
    }
  };
}

function createVectors(deps: SemanticDeps) {
  const { model, log } = deps;
  /** By the passage's id; the one that came first is the first to go. */
  const known = new Map<string, PackedVector>();
  const wanted = new Map<string, Passage>();
  /** The provider's dimensions have changed for these. */
  const stale = new Set<string>();
  let working: Promise<void> | undefined;
  const makeBatch = createMaking(deps, stale, (id, vector) => {
    known.set(id, vector);
    const [oldest] = known.keys();
    if (known.size > mostVectors && oldest !== undefined) known.delete(oldest);
  });

  const work = async (): Promise<void> => {
    const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000 });
    let failures = 0;
    while (wanted.size > 0) {
      const batch = [...wanted.values()].slice(0, batchTexts);
      try {
        await makeBatch(batch);
        for (const { id } of batch) wanted.delete(id);
      } catch (err) {
        log.warn({ err, model }, "passages get no vectors at the moment: they are found by their words");
        failures++;
        // The next question that is about them begins anew.
        if (failures === mostFailures) wanted.clear();
        else await sleep(backoff.nextMs());
      }
    }
  };

  const start = (): void => {
    working ??= work().finally(() => (working = undefined));
  };

  return {
    of: ({ id }: Passage): PackedVector | undefined => known.get(id),
    prepare(passages: readonly Passage[]): void {
      for (const passage of passages.slice(0, mostCompared)) {
        if (!known.has(passage.id) && wanted.size < mostVectors) wanted.set(passage.id, passage);
      }
      if (wanted.size > 0) start();
    },
    forget(passage: Passage): void {
      known.delete(passage.id);
      if (stale.size < mostVectors) stale.add(passage.id);
      wanted.set(passage.id, passage);
      start();
    },
    settled: (): Promise<void> => working ?? Promise.resolve(),
  };
}

function createQueryVectors({ embed, model, log, queryMs = defaultQueryMs }: SemanticDeps) {
  const known = new Map<string, Float32Array>();
  let restUntil = 0;
  return async (query: string): Promise<Float32Array | undefined> => {
    const before = known.get(query);
    if (before !== undefined) return before;
    if (performance.now() < restUntil) return undefined;
    try {
      const asking = embed([query.slice(0, 2_000)], AbortSignal.timeout(queryMs));
      const [vector] = await withDeadline(asking, queryMs, "the vector of a question");
      if (vector === undefined) return undefined;
      known.set(query, vector);
      const [oldest] = known.keys();
      if (known.size > mostQueries && oldest !== undefined) known.delete(oldest);
      return vector;
    } catch (err) {
      restUntil = performance.now() + restMs;
      log.warn({ err, model }, "a question got no vector in time: it is searched by its words");
      return undefined;
    }
  };
}
