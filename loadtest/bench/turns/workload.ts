import { expectedAnswer, questionFor as askFor, scheduledMs } from "../../schedule.ts";

/** What one turn of a row is: the answer the model gives, and how often a person asks. */
export interface Workload {
  readonly tokens: number;
  /** Tokens per second; the first comes at once. */
  readonly rate: number;
  /** From one question of a person to the next when nothing but the model takes time. */
  readonly cycleMs: number;
  /** The answer needs a call of a tool first. */
  readonly hasTool: boolean;
}

/** 200 people who ask every 2.5 s are 80 turns a second. */
export const usual: Workload = { tokens: 60, rate: 30, cycleMs: 2_500, hasTool: false };

/** What the model takes by its own schedule. */
export function modelMs({ tokens, rate }: Workload): number {
  return scheduledMs(tokens, { tokens, rate });
}

export function thinkMs(workload: Workload): number {
  return Math.max(0, workload.cycleMs - modelMs(workload));
}

export function answerTo({ tokens, rate }: Workload): string {
  return expectedAnswer({ tokens, rate });
}

/** Asks this model and the simulator alike. */
export function questionFor({ tokens, rate, hasTool }: Workload): string {
  return askFor({ tokens, rate }, hasTool ? "tool=k8s_list_namespaces args={}" : "");
}

export interface Wish {
  readonly tokens: number;
  /** Per second; 0: all at once. */
  readonly rate: number;
  readonly callsTool: boolean;
}

const directive = "/sim ";
const longestDirective = 60;

/** What the last question in a request to the model asks for. Only the directive is read: requests carry whole histories. */
export function wishIn(body: Buffer): Wish {
  const at = body.lastIndexOf(directive);
  const text = at < 0 ? "" : body.subarray(at, at + longestDirective).toString("latin1");
  const [, tokens = "1", rate = "0", tool] = /tokens=(\d+) rate=(\d+)( tool=)?/.exec(text) ?? [];
  const hasResult = body.lastIndexOf('"role":"tool"') > at;
  return { tokens: Number(tokens), rate: Number(rate), callsTool: tool !== undefined && !hasResult };
}
