import type { Logger } from "@parley/runtime";
import type { AnswerReaderOptions } from "./answer-reader.ts";
import { createLearned } from "./learned.ts";
import { createRuleLookup, type Abilities, type ModelRule } from "./model-rules.ts";
import type { ModelEvent, ModelRequest } from "./model.ts";
import type { Provider } from "./provider.ts";
import { lessonsOf, type Lesson, type Refusal } from "./refusal.ts";
import { buildBody, type RequestBody } from "./request-body.ts";
import { hasEndTag } from "./reasoning-tags.ts";

export interface ModelAbilitiesDeps {
  readonly provider: Provider;
  /** Of `config/models.yaml`. What one of them says of a model is not learned otherwise. */
  readonly rules?: readonly ModelRule[];
  readonly log: Logger;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
}

export type ModelAbilities = ReturnType<typeof createModelAbilities>;

/** One request, in the forms in which it went out so far. */
interface Asked {
  /** With what it was built last. */
  abilities: Abilities;
  /** What its refusals have taught: of the model only once it was answered in that form. */
  pending: Partial<Abilities>;
  /** What they have taught of this request alone. */
  here: Partial<Abilities>;
  /** Of which refusal the newest lesson is. */
  newest: { readonly ability: keyof Abilities; readonly words: string } | undefined;
  readonly tried: Set<keyof Abilities>;
}

/**
 * What each model of the provider takes: by the rules there are, and by what it refused and then took since this process began. For one request each
 * ability is changed at most once, so it is repeated a bounded number of times.
 */
export function createModelAbilities(deps: ModelAbilitiesDeps) {
  const known = createKnown(deps);
  return {
    ...createRequests(deps, known),
    /** How the answer to the request is read. */
    reading(request: ModelRequest): AnswerReaderOptions {
      const model = known.nameOf(request);
      return {
        startsInside: known.of(model).reasoning_start === "open",
        isCertain: known.learned.of(model).reasoning_start === undefined,
        isKnownToEnd: known.learned.hadBareEnd(model),
        neverInside: known.isConfigured(model, "reasoning_start") && known.of(model).reasoning_start === "tagged",
        isAskedFor: () => request.messages.some(isAskingForTag),
        onStartKnown(start) {
          if (!known.isConfigured(model, "reasoning_start")) known.learned.sawStart(model, start);
        },
      };
    },
  };
}

type Known = ReturnType<typeof createKnown>;

/** What holds of each model now. */
function createKnown({ provider, rules = [], clock }: ModelAbilitiesDeps) {
  const learned = createLearned(clock);
  const ruled = createRuleLookup(provider, rules);
  return {
    learned,
    nameOf: (request: ModelRequest): string => request.model ?? provider.model,
    of(model: string): Abilities {
      const { all, said } = ruled(model);
      return { ...all, ...learned.of(model), ...said };
    },
    isConfigured: (model: string, ability: keyof Abilities): boolean => ability in ruled(model).said,
  };
}

function createRequests({ provider, log }: ModelAbilitiesDeps, known: Known) {
  const requests = new WeakMap<ModelRequest, Asked>();

  const askedOf = (request: ModelRequest): Asked => {
    const earlier = requests.get(request);
    if (earlier !== undefined) return earlier;
    const abilities = known.of(known.nameOf(request));
    const asked: Asked = { abilities, pending: {}, here: {}, newest: undefined, tried: new Set() };
    requests.set(request, asked);
    return asked;
  };

  const tryOne = (model: string, asked: Asked, { ability, change, isOnlyHere }: Lesson, words: string): boolean => {
    if (asked.tried.has(ability) || known.isConfigured(model, ability)) return false;
    asked.tried.add(ability);
    // Another request may have learned it while this one was on its way.
    if (known.of(model)[ability] !== asked.abilities[ability]) return true;
    if (isOnlyHere) asked.here = { ...asked.here, ...change };
    else asked.pending = { ...asked.pending, ...change };
    asked.newest = { ability, words };
    return true;
  };

  return {
    /** The request as this model takes it. */
    bodyOf(request: ModelRequest): RequestBody {
      const model = known.nameOf(request);
      const asked = askedOf(request);
      asked.abilities = { ...known.of(model), ...asked.pending, ...asked.here };
      return buildBody(request, { model, provider, abilities: asked.abilities });
    },
    /** Whether the refusal says what to do without, so that the same request is worth another try at once. */
    learn(request: ModelRequest, refusal: Refusal): boolean {
      const model = known.nameOf(request);
      const asked = askedOf(request);
      const { abilities } = asked;
      const body = buildBody(request, { model, provider, abilities });
      takeBackWrong(asked, refusal);
      return lessonsOf(refusal, body, abilities).some((lesson) => tryOne(model, asked, lesson, refusal.words));
    },
    /** What the request has, and what was left out of the form in which it was sent last. */
    leftOut: (request: ModelRequest): ModelEvent[] => leftOutOf(request, requests.get(request)?.abilities),
    /** The model took the request as it was sent last: what its refusals have taught is true. */
    answered(request: ModelRequest): void {
      const asked = requests.get(request);
      if (asked === undefined || Object.keys(asked.pending).length === 0) return;
      const model = known.nameOf(request);
      known.learned.add(model, asked.pending);
      log.warn(
        { model, provider: provider.name, abilities: asked.pending },
        "the model server refused a request and took another form of it, which it gets from now on",
      );
      asked.pending = {};
    },
  };
}

function leftOutOf({ tools, images = [] }: ModelRequest, taken: Abilities | undefined): ModelEvent[] {
  return [
    ...(tools.length > 0 && taken?.tools === false ? [{ type: "without_tools" } as const] : []),
    ...(images.length > 0 && taken?.images === false ? [{ type: "without_images" } as const] : []),
  ];
}

/** The same words again: it was not what the newest lesson said. */
function takeBackWrong(asked: Asked, { words }: Refusal): void {
  if (asked.newest?.words !== words) return;
  const { [asked.newest.ability]: _wrong, ...others } = asked.pending;
  const { [asked.newest.ability]: _wrongHere, ...othersHere } = asked.here;
  asked.pending = others;
  asked.here = othersHere;
  asked.newest = undefined;
}

function isAskingForTag({ role, content }: ModelRequest["messages"][number]): boolean {
  return (role === "user" || role === "tool") && typeof content === "string" && hasEndTag(content);
}
