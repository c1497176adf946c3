import type { Logger } from "@parley/runtime";
import type { AnswerReaderOptions } from "./answer-reader.ts";
import { abilitiesOf, type Abilities, type ModelRule } from "./model-rules.ts";
import type { ModelRequest } from "./model.ts";
import type { Provider } from "./provider.ts";
import { lessonsOf, type Lesson, type Refusal } from "./refusal.ts";
import { buildBody, type RequestBody } from "./request-body.ts";

/** A request may name any model: of those that were used longest ago it is learned anew. */
const maxModels = 256;

export interface ModelAbilitiesDeps {
  readonly provider: Provider;
  /** Of `config/models.yaml`. */
  readonly rules?: readonly ModelRule[];
  readonly log: Logger;
}

export type ModelAbilities = ReturnType<typeof createModelAbilities>;

/**
 * What each model of the provider takes: by the rules there are, and by what it refused since this process began. Each ability of a model is learned
 * at most once, so a request is repeated a bounded number of times.
 */
export function createModelAbilities({ provider, rules = [], log }: ModelAbilitiesDeps) {
  const learned = new Map<string, Partial<Abilities>>();
  /** With what a request was built that may still be refused. */
  const sent = new WeakMap<ModelRequest, Abilities>();
  const nameOf = (request: ModelRequest): string => request.model ?? provider.model;
  const now = (model: string): Abilities => ({ ...abilitiesOf(provider, model, rules), ...learned.get(model) });

  const remember = (model: string, lesson: Partial<Abilities>): void => {
    const all = { ...learned.get(model), ...lesson };
    learned.delete(model);
    learned.set(model, all);
    if (learned.size > maxModels) for (const [oldest] of learned) return void learned.delete(oldest);
  };

  const learnOne = (model: string, was: Abilities, { ability, change }: Lesson): boolean => {
    // Another request has learned it while this one was on its way.
    if (now(model)[ability] !== was[ability]) return true;
    if (learned.get(model)?.[ability] !== undefined) return false;
    remember(model, change);
    log.warn(
      { model, provider: provider.name, ability, value: change[ability] },
      "the model server refused a request; it gets another form from now on",
    );
    return true;
  };

  return {
    /** The request as this model takes it. */
    bodyOf(request: ModelRequest): RequestBody {
      const model = nameOf(request);
      const abilities = now(model);
      sent.set(request, abilities);
      return buildBody(request, { model, provider, abilities });
    },
    /** Whether the refusal says what to do without, so that the same request is worth another try at once. */
    learn(request: ModelRequest, refusal: Refusal): boolean {
      const model = nameOf(request);
      const was = sent.get(request) ?? now(model);
      const body = buildBody(request, { model, provider, abilities: was });
      return lessonsOf(refusal, body, was).some((lesson) => learnOne(model, was, lesson));
    },
    /** How the answer to the request is read. */
    reading(request: ModelRequest): AnswerReaderOptions {
      const model = nameOf(request);
      const startsInside = now(model).reasoning_start === "open";
      return { startsInside, onBareEnd: () => remember(model, { reasoning_start: "open" }) };
    },
  };
}
