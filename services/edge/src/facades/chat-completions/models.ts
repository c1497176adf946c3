import { paramError } from "@parley/dialects";
import type { Caller } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";

/** Whichever agent fits the message. */
const routedModel = "parley";

export type Models = ReturnType<typeof createModels>;

interface ModelEntry {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970; of agents it is not known. */
  readonly created: 0;
  readonly owned_by: "parley";
  /** For people; no field of OpenAI's. */
  readonly description: string;
}

function entryOf(id: string, description: string): ModelEntry {
  return { id, object: "model", created: 0, owned_by: "parley", description };
}

/** Agents as models. */
export function createModels(offer: FacadeDeps["offer"]) {
  const list = async (caller: Caller): Promise<ModelEntry[]> => {
    const { agents } = await offer(caller);
    const others = agents.filter(({ name }) => name !== routedModel);
    return [
      entryOf(routedModel, "Whichever agent fits the message."),
      ...others.map(({ name, description }) => entryOf(name, description)),
    ];
  };
  return {
    list,

    /** Throws NOT_FOUND. */
    async find(caller: Caller, id: string): Promise<ModelEntry> {
      const found = (await list(caller)).find((model) => model.id === id);
      if (found === undefined) throw unknownModel(id);
      return found;
    },

    /**
     * The agent that a message is to name; undefined: none. Throws NOT_FOUND for one that is not there or not the caller's. Where no worker has said what there is, it
     * is for the worker to say.
     */
    async agentOf(caller: Caller, model: string): Promise<string | undefined> {
      if (model === routedModel) return undefined;
      const { agents } = await offer(caller);
      if (agents.length > 0 && !agents.some(({ name }) => name === model)) throw unknownModel(model);
      return model.slice(0, mostNameChars);
    },
  };
}

/** As a message names its agent. */
const mostNameChars = 64;

function unknownModel(id: string) {
  return paramError("model", `The model \`${id}\` does not exist, or you may not use it.`, "NOT_FOUND");
}
