import type { Logger } from "@parley/runtime";
import type { Call, CallEnd } from "./call-end.ts";
import type { Runnable, Terms } from "./call-terms.ts";
import type { FormQuestion, PreparedApproval, Tool } from "./tools/tool.ts";
import { tryOut } from "./try-out.ts";

/** Opening somebody's session at a server is part of it. */
const firstMs = 15_000;

/** What a person has to do before a call, whatever else they agree to; or how it ends. Looked at before they are asked: what was agreed to tells by itself what is missing. */
export async function lookFirst(
  call: Call,
  tool: Tool,
  { first }: Pick<Runnable, "first">,
  log: Logger,
): Promise<{ readonly question: FormQuestion | undefined } | CallEnd> {
  if (first === undefined || call.run.go) return { question: undefined };
  const what = "What has to be done before";
  const tried = await tryOut({ call, tool, what, timeoutMs: firstMs, log }, first);
  return "state" in tried ? tried : { question: tried.value };
}

interface Asking {
  readonly prepared: Pick<Runnable, "approval">;
  readonly terms: Terms;
}

/** One question for both, what has to be done first and the call itself. Whoever agrees to calls like this one has not done it, so that is not offered, nor looked for. */
export function withFirst(
  first: FormQuestion | undefined,
  { definition }: Tool,
  { prepared: { approval }, terms }: Asking,
): { readonly approval: PreparedApproval | undefined; readonly terms: Terms } {
  if (first === undefined) return { approval, terms };
  const { like: _, ...others } = terms;
  const own = (): string => approval?.summary() ?? `Runs ${definition.name}.`;
  return {
    approval: {
      summary: () => `${first.summary} ${own()}`,
      preview: async (context) => approval?.preview(context),
      confirm: () => approval?.confirm(),
    },
    terms: others,
  };
}
