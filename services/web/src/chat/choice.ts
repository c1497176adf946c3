import { useState } from "react";
import type { Offers } from "../api/answers.ts";
import { choices } from "./kept-texts.ts";

/** Who shall answer; empty: the server chooses. */
export interface Choice {
  readonly agent: string;
  readonly model: string;
}

const automatic: Choice = { agent: "", model: "" };

/** Of the agent for all that no other one is for there is little to show that anybody would begin with. */
const lastAgent = "general";

/** What can be asked, each agent's first before any agent's second, so that the first few show the most of it. */
export function examplesOf(agents: Offers["agents"]): string[] {
  const others = agents.filter(({ name }) => name !== lastAgent).map(({ examples = [] }) => examples);
  const most = Math.max(0, ...others.map(({ length }) => length));
  const inTurn = Array.from({ length: most }, (_, place) => others.flatMap((each) => each.slice(place, place + 1)));
  const last = agents.flatMap(({ name, examples = [] }) => (name === lastAgent ? examples : []));
  // Two agents may have the same one.
  return [...new Set([...inTurn.flat(), ...last])];
}

/** The choice of one conversation, kept in this browser. What is no longer offered is no longer chosen. */
export function useChoice(conversationId: string, known: Offers | undefined): [Choice, (choice: Choice) => void] {
  const [kept, setKept] = useState(() => readChoice(choices.read(conversationId)));
  const change = (choice: Choice) => {
    setKept(choice);
    choices.keep(conversationId, choice.agent === "" && choice.model === "" ? "" : JSON.stringify(choice));
  };
  return [known === undefined ? automatic : offered(kept, known), change];
}

/** What is said of it in a message that is sent now, by whoever does not show the choice. */
export function optionsNow(conversationId: string, known: Offers | undefined): ReturnType<typeof sendOptionsOf> {
  return known === undefined ? {} : sendOptionsOf(offered(readChoice(choices.read(conversationId)), known));
}

export function offered({ agent, model }: Choice, { agents, models }: Offers): Choice {
  return {
    agent: agents.some(({ name }) => name === agent) ? agent : "",
    model: models.some(({ name }) => name === model) ? model : "",
  };
}

export function readChoice(json: string): Choice {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || !("agent" in value) || !("model" in value)) return automatic;
    const { agent, model } = value;
    return typeof agent === "string" && typeof model === "string" ? { agent, model } : automatic;
  } catch {
    return automatic;
  }
}

/** As a message says it. */
export function sendOptionsOf({ agent, model }: Choice): { readonly agent?: string; readonly model?: string } {
  return { ...(agent === "" ? {} : { agent }), ...(model === "" ? {} : { model }) };
}
