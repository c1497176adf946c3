import { createHash } from "node:crypto";
import type { Bus } from "@parley/bus";
import type { AuditEntry, AuditKind, FactOf, ToolDefinition, ToolJob } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { idsOf } from "./call-ids.ts";
import type { CallOutcome } from "./call-log.ts";
import { redactValue } from "./kubernetes/redaction.ts";
import type { Access } from "./tools/access.ts";

/** What is known of a call that is to be audited. What is not known yet is left out. */
export interface AuditedCall {
  readonly job: ToolJob;
  /** The tool's own: the job may name an alias, or one that there is not. */
  readonly tool?: Pick<ToolDefinition, "name" | "effect"> | undefined;
  readonly access?: readonly Access[] | undefined;
  /** Of the policy, or of the caller's rights. */
  readonly verdict?:
    | { readonly verdict: string; readonly rule?: string | undefined; readonly reason?: string | undefined }
    | undefined;
}

/** By whose word a call runs, and what they agreed to. */
export interface AgreedTo {
  readonly hash: string;
  readonly by?: { readonly id: string; readonly name?: string | undefined } | undefined;
}

export interface AuditDeps {
  readonly bus: Pick<Bus, "audit">;
  /** Name of this process, unique. */
  readonly worker: string;
  /** Whether arguments are kept, masked and cut, beside their hash. */
  readonly withArguments: boolean;
  readonly log: Logger;
}

/**
 * What the audit log is told of calls (docs/adr/0023). Only `begun` is waited for: what changes something does not begin before it stands there. All else is
 * told of what has happened already; where it cannot be stored that is counted and logged.
 */
export interface Audit {
  /** A person must agree. Resolves when it is stored, or cannot be: approvers find the question by this entry. */
  asked(call: AuditedCall, question: FactOf<"asked">): Promise<void>;
  /** To be awaited behind the licence and before the tool runs. False: the call must not run. Waits up to 15 s. */
  begun(call: AuditedCall, agreed?: AgreedTo): Promise<boolean>;
  /** What an execution on this worker came to; or, as `unknown`, that of a worker that was lost. */
  ended(call: AuditedCall, outcome: CallOutcome): void;
  /** The policy, or the caller's rights, said no: nothing ran. */
  refused(call: AuditedCall): void;
}

export function createAudit({ bus: { audit }, worker, withArguments, log }: AuditDeps): Audit {
  const write = async (
    kind: AuditKind,
    call: AuditedCall,
    { id, ...said }: Partial<AuditEntry> & { readonly id?: string },
  ): Promise<boolean> => {
    const { job } = call;
    const entry = { ...entryOf(kind, call, worker), ...(withArguments ? shownArguments(job) : {}), ...said };
    const isStored = await audit.write(entry, id ?? `${kind}.${job.call_id}.${worker}`);
    if (!isStored) log.error({ ...idsOf(job), kind }, "an entry of the audit log could not be stored");
    return isStored;
  };

  return {
    async asked(call, { hash, summary, expires_at, four_eyes }) {
      // Whoever finds a question that nobody has decided writes it again: its worker may have been lost before this.
      // What a summary says is made of the arguments.
      const said = withArguments ? { summary } : {};
      await write("asked", call, { id: `asked.${call.job.call_id}`, hash, ...said, expires_at, four_eyes });
    },
    begun: (call, agreed) => write("begun", call, { hash: agreed?.hash, agreed_by: agreed?.by }),
    ended(call, { status, result, duration_ms }) {
      void write("ended", call, { status, result_bytes: Buffer.byteLength(result), duration_ms });
    },
    refused(call) {
      void write("refused", call, {});
    },
  };
}

function entryOf(kind: AuditKind, { job, tool, access, verdict }: AuditedCall, writer: string): AuditEntry {
  const { conversation_id, turn_id, call_id, tool_name, user, caller } = job;
  const { tenant, roles, session, address } = caller ?? {};
  return {
    ...{ v: 1, kind, writer, user: { id: user.id, name: user.name }, tenant, roles, session, address },
    ...{ conversation_id, turn_id, call_id, tool: tool?.name ?? tool_name, effect: tool?.effect },
    access: access && [...access],
    arguments_hash: createHash("sha256").update(JSON.stringify(job.arguments)).digest("hex"),
    ...verdict,
  };
}

/** As JSON, without what looks like a secret by its name or its form. The audit log cuts it. */
function shownArguments({ arguments: args }: ToolJob): Pick<AuditEntry, "arguments"> {
  const hide = (name: string, value: unknown): unknown =>
    typeof value === "string" ? redactValue(name, value) : value;
  return { arguments: JSON.stringify(args, hide) };
}
