import { isNamingWord, locate, NAME, namespaceIn } from "./cluster-names.ts";
import type { Wish } from "./tool-arguments.ts";

/** A call that a question about the cluster needs: tool names that would do, best first, and what is known about it. */
export type WantedCall = { tools: readonly RegExp[]; wish: Wish };

/** `name` or `namespace/name`. */
const PLACE = `${NAME}(?:/${NAME})?`;
const GENERIC_LIST = /(^|_)(list_resources|resources_list)$/;
const DESCRIBE = [/(^|_)describe(_resource|_pod)?$/, /(^|_)get_resource$/, /(^|_)pods_get$/] as const;

type ListedKind = { noun: RegExp; tools: readonly RegExp[]; kind: string; apiVersion: string; namespaced: boolean };

const LISTED: readonly ListedKind[] = [
  {
    noun: /\bpods\b/,
    tools: [/(^|_)(list_pods|pods_list|get_pods)$/],
    kind: "Pod",
    apiVersion: "v1",
    namespaced: true,
  },
  {
    noun: /(?<!\b(?:all|every|across|of|in)\s)\bnamespaces\b|\b(?:list|show|get)\s+(?:me\s+)?all\s+(?:the\s+)?namespaces\b/,
    tools: [/(^|_)(list_namespaces|namespaces_list|get_namespaces)$/],
    kind: "Namespace",
    apiVersion: "v1",
    namespaced: false,
  },
  { noun: /\bnodes\b/, tools: [/(^|_)(list_nodes|nodes_list)$/], kind: "Node", apiVersion: "v1", namespaced: false },
  {
    noun: /\bdeployments\b/,
    tools: [/(^|_)list_deployments$/],
    kind: "Deployment",
    apiVersion: "apps/v1",
    namespaced: true,
  },
  { noun: /\bservices\b/, tools: [/(^|_)list_services$/], kind: "Service", apiVersion: "v1", namespaced: true },
  {
    noun: /\bevents\b/,
    tools: [/(^|_)(events|list_events|events_list)$/],
    kind: "Event",
    apiVersion: "v1",
    namespaced: true,
  },
];

const ASKS_FOR_LIST =
  /\b(list|show|get|give|which|what|how many|see|check|display|fetch|find|are there|any|all|pods in|status of)\b|^\W*(pods|namespaces|nodes|deployments|services|events)\b/;
const ASKS_FOR_MEANING = /^\W*(explain|define|what\s+(is|are)\s+(a\s+|an\s+)?\w+\W*$)/;
/** What a question wants to know of the cluster or change in it; empty when it is about something else. */
export function readClusterQuestion(question: string, background: readonly string[]): WantedCall[] {
  const text = question.toLowerCase();
  const change = wantedChange(text, background);
  if (change !== undefined) return [change];
  const one = wantedLogs(text, background) ?? wantedDescription(text, background);
  return one === undefined ? wantedLists(text) : [one];
}

function wantedLists(text: string): WantedCall[] {
  if (!ASKS_FOR_LIST.test(text) || ASKS_FOR_MEANING.test(text)) return [];
  return LISTED.filter(({ noun }) => noun.test(text)).map(({ tools, kind, apiVersion, namespaced }) => {
    const status = kind === "Pod" ? podStatus(text) : undefined;
    const scope = namespaced ? scopeOf(text) : {};
    return { tools: [...tools, GENERIC_LIST], wish: { apiVersion, kind, ...scope, ...(status && { status }) } };
  });
}

function scopeOf(text: string): Wish {
  const namespace = namespaceIn(text);
  return namespace === undefined ? { allNamespaces: true } : { namespace };
}

/** Only states a list can be narrowed to without hiding what "failing" means: several different states. */
function podStatus(text: string): string | undefined {
  if (/\bcrash/.test(text)) return "crashloop";
  return /\b(pending|running)\s+pods\b|\bpods\s+(?:are\s+|that\s+are\s+)?(pending|running)\b/
    .exec(text)
    ?.slice(1)
    .find(Boolean);
}

function wantedLogs(text: string, background: readonly string[]): WantedCall | undefined {
  const match = new RegExp(`\\blogs?\\s+(?:of|for|from|in)\\s+(?:the\\s+)?(?:pod\\s+)?["'\`]?(${PLACE})`).exec(text);
  if (match?.[1] === undefined || isNamingWord(match[1])) return undefined;
  const container = new RegExp(`\\bcontainer\\s+["'\`]?(${NAME})`).exec(text)?.[1];
  const tail = /\blast\s+(\d{1,4})\b/.exec(text)?.[1];
  return {
    tools: [/(^|_)(pod_logs|get_pod_logs|pods_log|logs)$/],
    wish: {
      ...locate(match[1], text, background),
      ...(container && { container }),
      ...(tail && { tail: Number(tail) }),
      ...(/\bprevious|before (?:it|the) (?:crash|restart)/.test(text) && { previous: true }),
    },
  };
}

const KINDS: readonly (readonly [RegExp, string, string])[] = [
  [/^deploy(ments?)?$/, "apps/v1", "Deployment"],
  [/^daemonsets?$/, "apps/v1", "DaemonSet"],
  [/^replicasets?$/, "apps/v1", "ReplicaSet"],
  [/^nodes?$/, "v1", "Node"],
  [/^services?|svc$/, "v1", "Service"],
  [/^namespaces?$/, "v1", "Namespace"],
  [/^configmaps?$/, "v1", "ConfigMap"],
  [/^secrets?$/, "v1", "Secret"],
];

function wantedDescription(text: string, background: readonly string[]): WantedCall | undefined {
  const match = new RegExp(
    `\\b(?:describe|why\\s+(?:is|does|did)|details?\\s+(?:of|for|on|about))\\s+(?:the\\s+)?(?:(pod|deploy(?:ment)?|daemonset|replicaset|node|service|svc|namespace|configmap|secret)\\s+)?["'\`]?(${PLACE})`,
  ).exec(text);
  const [, noun, name] = match ?? [];
  if (name === undefined || isNamingWord(name)) return undefined;
  const place = locate(name, text, background);
  if (noun === undefined && !text.includes("describe") && place.namespace === undefined) return undefined;
  const [, apiVersion, kind] = KINDS.find(([pattern]) => pattern.test(noun ?? "pod")) ?? [undefined, "v1", "Pod"];
  return { tools: DESCRIBE, wish: { apiVersion, kind, ...place } };
}

function wantedChange(text: string, background: readonly string[]): WantedCall | undefined {
  const scale = new RegExp(
    `\\bscale\\s+(?:the\\s+)?(?:deployment\\s+)?["'\`]?(${PLACE})["'\`]?.*?\\bto\\s+(\\d{1,3})\\b`,
  ).exec(text);
  if (scale?.[1] !== undefined) {
    return {
      tools: [/(^|_)scale(_deployment|_resource)?$/],
      wish: { ...workload(scale[1], text, background), replicas: Number(scale[2]) },
    };
  }
  const restart = new RegExp(`\\brestart\\s+(?:the\\s+)?(?:deployment\\s+)?["'\`]?(${PLACE})`).exec(text);
  if (restart?.[1] !== undefined && !isNamingWord(restart[1])) {
    return { tools: [/(^|_)rollout_restart(_deployment)?$/], wish: workload(restart[1], text, background) };
  }
  const removal = new RegExp(`\\bdelete\\s+(?:the\\s+)?pod\\s+["'\`]?(${PLACE})`).exec(text);
  if (removal?.[1] === undefined) return undefined;
  const wish = { apiVersion: "v1", kind: "Pod", ...locate(removal[1], text, background) };
  return { tools: [/(^|_)(delete_pod|pods_delete)$/, /(^|_)delete(_resource)?$/], wish };
}

/** A workload is meant by exactly the name that was said; only its namespace is looked up. */
function workload(spoken: string, text: string, background: readonly string[]): Wish {
  const name = spoken.split("/").at(-1) ?? spoken;
  return { apiVersion: "apps/v1", kind: "Deployment", ...locate(spoken, text, background), name };
}
