import type { Bus } from "@parley/bus";
import { ChatError, limits, toChatError, type FilePart, type FileRecord, type ToolJob } from "@parley/protocol";
import { fileIdOf } from "@parley/protocol/turn-id";
import type { Logger } from "@parley/runtime";
import { idsOf } from "./call-ids.ts";
import type { ToolFile, ToolOutput } from "./tools/tool.ts";

export interface ToolFilesDeps {
  readonly bus: Pick<Bus, "files">;
  readonly log: Logger;
}

/** What a tool has said, with its files where everybody finds them. */
export type StoredOutput = ToolOutput & { readonly brought?: readonly FilePart[] };

export type KeepFiles = (job: ToolJob, output: ToolOutput) => Promise<StoredOutput>;

/**
 * Stores the files that a tool gives back, before its result says so. Their ids are made of the call and their places: a worker that runs a read again after a killed one finds those that are there already,
 * so each is there once. One that cannot be stored is a sentence in the result, which is no less a result. Never throws.
 */
export function createToolFiles({ bus: { files }, log }: ToolFilesDeps): KeepFiles {
  const keep = async (job: ToolJob, { name, bytes, mediaType }: ToolFile, nth: number): Promise<FileRecord> => {
    const { user, caller, conversation_id: conversation, call_id } = job;
    const tenant = caller?.tenant;
    const owner = { user: user.id, ...(tenant === undefined ? {} : { tenant }) };
    const id = `${call_id} ${nth}`;
    const about = { owner, conversation, name, bytes, origin: "tool", ...(mediaType && { mediaType }), id } as const;
    try {
      return await files.bring(about);
    } catch (error) {
      if (toChatError(error).code !== "CONFLICT") throw error;
      // Another run of the call gave something else back, and was first.
      const first = await files.read(fileIdOf(owner, "tool", id));
      if (first?.status === "stored") return files.attach(first.file_id, conversation);
      throw error;
    }
  };

  return async (job, output) => {
    const given = output.files ?? [];
    if (given.length === 0) return output;
    const brought: FilePart[] = [];
    const notes: string[] = [];
    for (const [nth, file] of given.slice(0, limits.filesPerCall).entries()) {
      try {
        const { file_id, name, media_type, bytes } = await keep(job, file, nth);
        brought.push({ type: "file", file_id, name, media_type, bytes });
        notes.push(`[The user was given the file ${name} (${media_type}, ${bytes} bytes).]`);
      } catch (err) {
        log.warn({ err, ...idsOf(job) }, "a tool's file could not be kept");
        notes.push(`[The file ${file.name} could not be given to the user: ${reasonOf(err)}]`);
      }
    }
    const more = given.length - limits.filesPerCall;
    if (more > 0) notes.push(`[${more} more files were left out: a call gives back ${limits.filesPerCall} at most.]`);
    const noted = (text: string): string => [text, ...notes].filter((line) => line !== "").join("\n");
    const { text, brief } = output;
    return { ...output, text: noted(text), ...(brief === undefined ? {} : { brief: noted(brief) }), brought };
  };
}

function reasonOf(error: unknown): string {
  return error instanceof ChatError ? error.message : "it could not be stored.";
}
