import { z } from "zod";
import { NotDoneError, ToolError, UnknownEffectError } from "../../tools/tool.ts";
import { KubeError } from "../api-failure.ts";
import { redactText } from "../redaction.ts";

/** The object has another version than the change was made for. Nothing was changed; a new plan may be the same. */
export class ConflictError extends NotDoneError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConflictError";
  }
}

/**
 * What a change came to whose request failed: not done where the server refused it or never got it; else nobody knows. An abort, too, is of a request that
 * may have arrived.
 */
export function effectOf(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  if (error.status === 409) return conflictOf(error);
  if (error.notDone) return new NotDoneError(error.message, { cause: error });
  return new UnknownEffectError(error.message, { cause: error });
}

/** Of what comes before any change: whatever goes wrong there, nothing was changed. */
export async function beforeChange<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotDoneError) throw error;
    const says = error instanceof ToolError ? error.message : "It was stopped before anything was changed.";
    throw new NotDoneError(says, { cause: error });
  }
}

const Status = z.object({
  reason: z.string().default(""),
  message: z.string().default(""),
  details: z
    .object({
      causes: z
        .array(
          z.object({ reason: z.string().default(""), message: z.string().default(""), field: z.string().default("") }),
        )
        .default([]),
    })
    .optional(),
});
type Status = z.output<typeof Status>;

/** What the server says about its refusal, if it is the server that refused. */
function statusOf(error: unknown): Status | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const body = cause instanceof Error && "body" in cause ? cause.body : undefined;
  try {
    return Status.safeParse(typeof body === "string" ? JSON.parse(body) : body).data;
  } catch {
    // The page of a proxy.
    return undefined;
  }
}

const MAX_OWNERS = 10;
const MAX_FIELDS_CHARS = 2_000;

const MAX_MESSAGE_CHARS = 300;

/** Why a change could not be tried out. API servers answer a field that a kind does not have with an error of their own (500), and say which one it is. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  if (error.status === 409) return conflictOf(error);
  const message = statusOf(error)?.message ?? "";
  if (error.status !== 500 || !message.includes("typed patch object")) return error;
  return new ToolError(`The cluster refused: ${redactText(message).slice(0, MAX_MESSAGE_CHARS)}.`, { cause: error });
}

/** A refusal because of the state of the object: only one of its version may be another try's success. */
function conflictOf(error: KubeError): NotDoneError {
  const status = statusOf(error);
  const options = { cause: error };
  if (status?.reason === "AlreadyExists") return new NotDoneError(`Not done: ${error.message}`, options);
  const owned = (status?.details?.causes ?? []).filter(({ reason }) => reason === "FieldManagerConflict");
  if (owned.length === 0)
    return new ConflictError("Not done: the object was changed by somebody else at the same time.", options);
  const shown = owned.slice(0, MAX_OWNERS).map(({ field, message }) => `${field} (${managerOf(message)})`);
  const more = owned.length > shown.length ? ` and ${owned.length - shown.length} more` : "";
  const fields = redactText(shown.join(", ")).slice(0, MAX_FIELDS_CHARS);
  return new NotDoneError(
    `Not done: others manage these fields: ${fields}${more}. With force they are taken over.`,
    options,
  );
}

/** `conflict with "kubectl-edit" using apps/v1` */
function managerOf(message: string): string {
  return /"([^"]{1,128})"/.exec(message)?.[1] ?? "another manager";
}
