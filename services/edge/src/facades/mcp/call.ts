import { createHash } from "node:crypto";
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { tasksExtension, type TurnPlace, type Whereabouts } from "@parley/dialects";
import { ConversationId, limits, TurnId } from "@parley/protocol";
import { z } from "zod";
import type { Call } from "../../transport/route.ts";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { StateKeys } from "./state-key.ts";

/** One request of a client, with all that its handler has to know. */
export interface McpCall extends Call {
  /** Which request it is: a state is good for no other one. */
  readonly digest: () => string;
  readonly era: "legacy" | "modern";
}

/** What a client says it can do, in each request (2026-07-28). */
const Capabilities = z.object({
  elicitation: z.looseObject({ form: z.unknown().optional(), url: z.unknown().optional() }).optional().catch(undefined),
  extensions: z.record(z.string(), z.unknown()).optional().catch(undefined),
});

export interface Abilities {
  /** It can ask its user. */
  readonly canAsk: boolean;
  readonly knowsTasks: boolean;
}

export function abilitiesOf({ mcpReq }: Pick<ServerContext, "mcpReq">): Abilities {
  const envelope: Readonly<Record<string, unknown>> = { ...mcpReq.envelope };
  const { data } = Capabilities.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY]);
  const asks = data?.elicitation;
  return {
    // One that names no mode means forms.
    canAsk: asks !== undefined && (asks.form !== undefined || asks.url === undefined),
    knowsTasks: data?.extensions?.[tasksExtension] !== undefined,
  };
}

/** Where a person looks at the turn and decides. */
export function whereOf(
  { origin }: Pick<FacadeDeps, "origin">,
  { exchange }: Pick<Call, "exchange">,
  place: TurnPlace,
): Whereabouts {
  return { ...place, address: `${origin(exchange)}/c/${place.conversation_id}` };
}

/** Of the request without what a client adds when it comes back with answers. */
export function digestOf(method: unknown, name: unknown, args: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([method, name, sorted(args)]))
    .digest("base64url");
}

/** Clients may write the fields of an object in any order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, entry]) => [name, sorted(entry)]);
}

const State = z.object({ conversation_id: ConversationId, turn_id: TurnId });

export type States = ReturnType<typeof createStates>;

/**
 * What a client gives back with its user's answers: the turn that waits. Signed, and good for the same user, the same request and as long as anybody may decide; that
 * nothing is decided twice is seen to by the decision's fact.
 */
export function createStates(keys: StateKeys) {
  const codecOf = async ({ caller: { user, tenant }, digest }: McpCall) =>
    createRequestStateCodec<z.infer<typeof State>>({
      key: Buffer.from(await keys(), "base64url"),
      ttlSeconds: limits.approvalMs / 1_000,
      bind: () => JSON.stringify([user.id, tenant ?? null, digest()]),
    });
  return {
    async verify(call: McpCall, state: string, ctx: ServerContext): Promise<z.infer<typeof State>> {
      return State.parse(await (await codecOf(call)).verify(state, ctx));
    },
    async mint(call: McpCall, { conversation_id, turn_id }: TurnPlace, ctx: ServerContext): Promise<string> {
      return (await codecOf(call)).mint({ conversation_id, turn_id }, ctx);
    },
    /** What `verify` has let pass. */
    read: (ctx: ServerContext): TurnPlace | undefined => State.safeParse(ctx.mcpReq.requestState()).data,
  };
}
