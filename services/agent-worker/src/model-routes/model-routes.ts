import type { Logger } from "@parley/runtime";
import type { Agent } from "../agents/agent.ts";
import type { ModelClient } from "../model/model.ts";
import type { ModelRule } from "../model/model-rules.ts";
import type { ModelServer, ModelTable, NamedModel } from "../model/model-table.ts";
import { serverProvider, type Provider } from "../model/provider.ts";
import { createCircuitBreaker, type BreakerState, type CircuitBreaker } from "./circuit-breaker.ts";
import { createRouteClient, type ModelRoute } from "./model-route.ts";
import { createRequestPlaces, type RequestPlaces } from "./request-places.ts";

/** How one model at one server is to be asked. */
export interface ClientSettings {
  /** By which it is asked for. Undefined: each request says it, or it is the provider's own. */
  readonly name?: string;
  readonly provider: Provider;
  readonly rules: readonly ModelRule[];
  readonly firstTokenMs?: number | undefined;
  readonly idleMs?: number | undefined;
}

export interface ModelRoutesDeps {
  /** Where models are whose server is not named. Its own model is the name of what is asked by default. */
  readonly provider: Provider;
  readonly table: ModelTable;
  readonly clientOf: (settings: ClientSettings) => ModelClient;
  readonly onWaited: (server: string, ms: number) => void;
  readonly log: Logger;
}

/** Who is asked: the message's own choice goes before the agent's. */
export interface Wanted {
  readonly asked: string | undefined;
  readonly agent: Pick<Agent, "model" | "fallbacks">;
}

export type ModelRoutes = ReturnType<typeof createModelRoutes>;

/**
 * The ways to all models there are names for. A name that nobody has described is a model of the environment's provider, and is asked as ever: without
 * an order, places or a breaker.
 */
export function createModelRoutes(deps: ModelRoutesDeps) {
  const { provider, table, clientOf } = deps;
  const plain = clientOf({ provider, rules: table.rules });
  const build = createBuilding(deps);
  const named = new Map([...table.models.values()].map((model) => [model.name, build.route(model)]));
  /** Those that agents' files name and the table does not: no message can add to them. */
  const ofAgents = new Map<string, ModelRoute>();

  const routeOf = (name: string): ModelRoute => {
    const known = named.get(name) ?? ofAgents.get(name);
    if (known !== undefined) return known;
    const route = build.route({ name, fallbacks: [] });
    ofAgents.set(name, route);
    return route;
  };

  return {
    /** One request, without repetitions, to the model that it names. */
    client: named.size === 0 ? plain : createDispatch(named, plain, provider.model),

    /** In which order models are asked. Undefined: there is nothing to choose, and nothing said of the one that is wanted. */
    orderOf({ asked, agent }: Wanted): readonly ModelRoute[] | undefined {
      const first = asked ?? agent.model ?? provider.model;
      const own = asked === undefined ? agent.fallbacks : undefined;
      const known = named.get(first);
      if (known === undefined && (own === undefined || own.length === 0)) return undefined;
      return [...new Set([first, ...(own ?? known?.fallbacks ?? [])])].map(routeOf);
    },

    /** What an operator should know: a sentence for each model that is left alone. */
    notes: (): string[] =>
      build.breakers().flatMap(([name, state]) => (state === "closed" ? [] : [noteOf(name, state)])),
    breakers: build.breakers,
    places: build.places,
  };
}

function noteOf(name: string, state: BreakerState): string {
  const next = state === "open" ? "it is left alone for a while" : "the next request tries it";
  return `The model ${name} has failed too often in a row: ${next}.`;
}

function createDispatch(named: ReadonlyMap<string, ModelRoute>, plain: ModelClient, otherwise: string): ModelClient {
  return {
    stream: (request, signal, onEvents) =>
      (named.get(request.model ?? otherwise)?.client ?? plain).stream(request, signal, onEvents),
  };
}

/** Makes routes. Those to one server share its places, those to one model there its breaker: as many as the files describe. */
function createBuilding({ table, log, onWaited, ...deps }: ModelRoutesDeps) {
  const breakers = new Map<string, { readonly name: string; readonly breaker: CircuitBreaker }>();
  const places = new Map<string, RequestPlaces>();

  const breakerOf = ({ name, server = "" }: NamedModel, { model }: Provider): CircuitBreaker => {
    const key = `${server} ${model}`;
    const onState = (state: "open" | "closed"): void =>
      log.warn({ model: name, state }, "a model is left alone after failures in a row, or is asked again");
    const known = breakers.get(key) ?? { name, breaker: createCircuitBreaker({ ...table.breaker, onState }) };
    breakers.set(key, known);
    return known.breaker;
  };
  const placesOf = (server: ModelServer | undefined): RequestPlaces | undefined => {
    if (server?.concurrent === undefined) return undefined;
    const { name, concurrent, queued, queue_ms: queueMs } = server;
    const onWaitedHere = (ms: number): void => onWaited(name, ms);
    const known = places.get(name) ?? createRequestPlaces({ concurrent, queued, queueMs, onWaited: onWaitedHere });
    places.set(name, known);
    return known;
  };

  return {
    route(model: NamedModel): ModelRoute {
      const { name, attempts, total_ms, hedge_after_ms, context_tokens, fallbacks } = model;
      const server = model.server === undefined ? undefined : table.servers.get(model.server);
      const provider = providerOf(model, server, deps);
      const rules = [...table.rules, ...ownRules(model, provider)];
      const client = deps.clientOf({
        name,
        provider,
        rules,
        firstTokenMs: model.first_token_ms,
        idleMs: model.idle_ms,
      });
      const here = { breaker: breakerOf(model, provider), places: placesOf(server) };
      const told = { name, attempts, total_ms, hedge_after_ms, context_tokens, fallbacks };
      return { ...told, provider, client: createRouteClient({ client, ...here }), ...here };
    },
    breakers: (): (readonly [string, BreakerState])[] =>
      [...breakers.values()].map(({ name, breaker }) => [name, breaker.state()]),
    places: (): Iterable<readonly [string, RequestPlaces]> => places,
  };
}

/** What is said of this model goes before what is said of many. */
function ownRules({ abilities }: NamedModel, { model }: Provider): ModelRule[] {
  return abilities === undefined ? [] : [{ model, server: "*", ...abilities }];
}

function providerOf(
  { name, id = name }: NamedModel,
  server: ModelServer | undefined,
  { provider }: Pick<ModelRoutesDeps, "provider">,
): Provider {
  if (server?.address !== undefined) return serverProvider({ ...server, address: server.address }, id);
  const { key = provider.apiKey, headers = {} } = server ?? {};
  return { ...provider, model: id, apiKey: key, headers: { ...provider.headers, ...headers } };
}
