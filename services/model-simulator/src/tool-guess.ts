import type { OfferedTool } from "./chat-request.ts";
import { fitArguments } from "./tool-arguments.ts";
import type { PlannedCall } from "./tool-requests.ts";

/**
 * A model given a tool that is plainly for the question calls it. The simulated one takes a tool for that when a telling word of the question stands in its name or its
 * description (`get_weather`, "What's the weather like in San Francisco?"). Parley's own tools are asked for in other ways, so this is for those of clients.
 */

const PARLEYS_OWN =
  /^(?:k8s_|demo_|workshop_|diagnosis_|list_(?:namespaces|resources|deployments|services|nodes)$|describe_pod$|get_pod_status$)/;
/** Its client has sent what a tool gave: the question is in it no more. */
const RESULT = /<tool_result\b/;
const LEAST_LETTERS = 5;
/** Words of that length that stand in any question, or in the description of any tool. */
const COMMON = new Set(
  (
    "about after again answer argument because before below between could count current default every exactly false field first found given " +
    "hello input later least level limit little maybe message model never number object other output parameter please question reply request " +
    "required result return right second several should simple since something still string their there these thing think those three through " +
    "times today token tools under until value where whether which while whole within without words would write"
  ).split(" "),
);
const MOST_WORDS = 64;

/** The call, if there is a tool for the question. */
export function guessCall(question: string, tools: readonly OfferedTool[]): PlannedCall | undefined {
  if (RESULT.test(question)) return undefined;
  const asked = tellingWords(question);
  if (asked.size === 0) return undefined;
  const others = tools.filter(({ name }) => !PARLEYS_OWN.test(name));
  const found =
    others.find(({ name }) => shareOne(asked, tellingWords(name))) ??
    others.find(({ description = "" }) => shareOne(asked, tellingWords(description)));
  return found && { name: found.name, argumentsJson: fitArguments(found, {}, subjectOf(question)) };
}

function tellingWords(text: string): Set<string> {
  const words =
    text
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [];
  const singular = words
    .slice(0, MOST_WORDS)
    .map((word) => (word.length > LEAST_LETTERS ? word.replace(/s$/, "") : word));
  return new Set(singular.filter((word) => word.length >= LEAST_LETTERS && !COMMON.has(word)));
}

function shareOne(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].some((word) => others.has(word));
}

/** What a question is about: names in it, or what stands behind its last preposition, or its last word. */
function subjectOf(question: string): string {
  const [, names] = /[^\s.!?]\s+(\p{Lu}[\p{L}\d-]*(?:\s+\p{Lu}[\p{L}\d-]*)*)/u.exec(question) ?? [];
  const behind = /\b(?:in|for|of|at|near|to)\s+([^.!?\n]{1,80})[^]*$/.exec(question)?.[1];
  return names ?? behind?.trim() ?? question.match(/[\p{L}\d]+/gu)?.at(-1) ?? "something";
}
