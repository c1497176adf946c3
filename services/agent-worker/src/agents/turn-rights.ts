import { callerOf, demand, type May, type TurnRequest } from "@parley/protocol";

/** What the caller of a turn may have of what there is here, by the roles as they are when it is asked: they may change while a turn waits, or runs. */
export interface TurnRights {
  mayUse(agent: string): boolean;
  mayRun(tool: string): boolean;
  /**
   * What a message names is a request, which the edge has granted; since then the turn may have waited for an hour. A model that an agent names, and the
   * provider's own, are the operator's choice and nobody's request. Throws FORBIDDEN.
   */
  checkChoice(): void;
}

export type RightsOf = (request: Pick<TurnRequest, "user" | "caller" | "agent" | "model">) => TurnRights;

/** A handful of comparisons for each name: with the shipped roles less than 10 µs for a turn. */
export function createRightsOf(may: May): RightsOf {
  return (request) => {
    const caller = callerOf(request);
    const { agent, model } = request;
    // Somebody has to answer: which agent that is, is not what the credential asks for. Its roles say whom it may come to.
    const { scopes: _scopes, ...answered } = caller;
    return {
      mayUse: (name) => may(answered, "agent:use", { kind: "agent", name }).allowed,
      mayRun: (name) => may(caller, "tool:run", { kind: "tool", name }).allowed,
      checkChoice() {
        if (agent !== undefined) demand(may(caller, "agent:use", { kind: "agent", name: agent }));
        if (model !== undefined) demand(may(caller, "model:use", { kind: "model", name: model }));
      },
    };
  };
}
