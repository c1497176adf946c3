import type { Bus } from "@parley/bus";
import type { ConversationId, FileRecord } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { documentLimits, DocumentError } from "../retrieval/formats/document-kind.ts";
import type { DocumentReader } from "../retrieval/formats/document-reader.ts";
import type { AttachedFile } from "./attached-files.ts";
import { sizeWords, wayOf, type FileContent, type FileWay } from "./file-content.ts";
import type { KeptTexts } from "./kept-texts.ts";
import type { Transcribe } from "./transcription.ts";

export interface FileContentsDeps {
  readonly bus: Pick<Bus, "files">;
  readonly keptTexts: KeptTexts;
  readonly readDocument: DocumentReader;
  /** Undefined: nobody here hears recordings. */
  readonly transcribe: Transcribe | undefined;
  readonly log: Logger;
}

export interface ReadingFiles {
  readonly conversation: ConversationId;
  /** Images are not looked at: what the model is given must be text. */
  readonly isTextOnly: boolean;
  /** For people: what takes a while, and what cannot be given to the model. */
  readonly tell: (message: string) => void;
  /** Of the turn. */
  readonly signal: AbortSignal;
}

/** What providers take of one image or recording. */
const contentLimits = { imageBytes: 5 * 1024 * 1024, heardBytes: 25 * 1024 * 1024 } as const;

export type ReadFiles = ReturnType<typeof createFileContents>;

/**
 * What the files say, by their ids. A file that is gone, damaged or of a kind that nobody here reads is a sentence: no file ends a turn. What takes long or costs is kept (`kept-texts.ts`). Throws
 * the signal's reason alone.
 */
export function createFileContents({ bus: { files }, log, ...deps }: FileContentsDeps) {
  const read = createReadOne({ bus: { files }, log, ...deps });
  return async (of: readonly AttachedFile[], how: ReadingFiles): Promise<ReadonlyMap<string, FileContent>> => {
    const contents = new Map<string, FileContent>();
    for (const { file, isAsked } of of) {
      how.signal.throwIfAborted();
      const content = await contentOf(file.file_id, how).catch((err: unknown): FileContent => {
        how.signal.throwIfAborted();
        log.warn({ err, file_id: file.file_id }, "a file could not be read for a model");
        return nothing("cannot be read at the moment");
      });
      if (isAsked && content.kind === "nothing") how.tell(`${file.name} ${content.why}; the model answers without it`);
      contents.set(file.file_id, content);
    }
    return contents;
  };

  async function contentOf(id: string, how: ReadingFiles): Promise<FileContent> {
    const record = await files.read(id);
    // Its conversation may have been deleted, or it was removed by whoever brought it.
    if (record === undefined || record.conversation_id !== how.conversation) return nothing("is not there any more");
    const way = wayOf(record);
    return way === undefined ? nothing("is of a kind that cannot be read here") : read(record, way, how);
  }
}

function nothing(why: string): FileContent {
  return { kind: "nothing", why };
}

function createReadOne({ bus: { files }, keptTexts, readDocument, transcribe }: FileContentsDeps) {
  const bytesOf = async (record: FileRecord): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of files.bytesOf(record)) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  const image = async (record: FileRecord, { isTextOnly }: ReadingFiles): Promise<FileContent> => {
    if (isTextOnly)
      return nothing("is an image, and what this agent's model is given has to be text that can be masked");
    if (record.bytes > contentLimits.imageBytes) return nothing(tooLarge(record, contentLimits.imageBytes));
    const data = (await bytesOf(record)).toString("base64");
    return { kind: "image", url: `data:${record.media_type};base64,${data}` };
  };

  const hear = async (record: FileRecord, { tell, signal }: ReadingFiles): Promise<FileContent> => {
    if (transcribe === undefined) return nothing("is a recording, and nothing here writes recordings down");
    if (record.bytes > contentLimits.heardBytes) return nothing(tooLarge(record, contentLimits.heardBytes));
    const kept = await keptTexts.read(record);
    if (kept !== undefined) return { kind: "text", text: kept, isHeard: true };
    tell(`Writing down what is said in ${record.name}`);
    const { name, media_type: mediaType } = record;
    const heard = await transcribe({ name, mediaType, bytes: await bytesOf(record) }, signal);
    return { kind: "text", text: await keptTexts.keep(record, heard), isHeard: true };
  };

  const extract = async (
    record: FileRecord,
    { kind }: Extract<FileWay, { by: "reading" }>,
    { tell }: ReadingFiles,
  ): Promise<FileContent> => {
    if (record.bytes > documentLimits.fileBytes) return nothing(tooLarge(record, documentLimits.fileBytes));
    const isCostly = kind === "pdf" || kind === "docx";
    const kept = isCostly ? await keptTexts.read(record) : undefined;
    if (kept !== undefined) return { kind: "text", text: kept, isHeard: false };
    if (isCostly) tell(`Reading ${record.name}`);
    try {
      const { text } = await readDocument({ kind, name: record.name, bytes: await bytesOf(record) });
      return { kind: "text", text: isCostly ? await keptTexts.keep(record, text) : text, isHeard: false };
    } catch (error) {
      if (error instanceof DocumentError) return nothing(error.message);
      throw error;
    }
  };

  return (record: FileRecord, way: FileWay, how: ReadingFiles): Promise<FileContent> => {
    if (way.by === "reading") return extract(record, way, how);
    return way.by === "image" ? image(record, how) : hear(record, how);
  };
}

function tooLarge({ bytes }: FileRecord, most: number): string {
  return `has ${sizeWords(bytes)}, and no more than ${sizeWords(most)} of such a file are read`;
}
