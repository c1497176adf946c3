import { fileOriginOf, type FileId } from "./files.ts";
import type { ConversationId } from "./ids.ts";

const fileBucket = "$O.parley_files";
const fileLetter = (file: FileId): string => fileOriginOf(file).charAt(0);

/** Those of files: a part of `subjects`. */
export const fileSubjects = {
  /** The record of a file: compare-and-set, the last one counts. The letter says who brought it, and so who may write it. */
  file: (file: FileId): string => `chat.file.${fileLetter(file)}.${file}`,
  /** For permissions, and to walk over all of them. */
  filesBy: (letter: "u" | "t" | "a" | "*"): string => `chat.file.${letter}.*`,
  /** That a file may be a conversation's: its record decides. */
  fileLink: (conversation: ConversationId, file: FileId): string => `chat.filein.${conversation}.${file}`,
  /** The files of a user, by the hash of tenant and user: compare-and-set, the last one counts. */
  fileSet: (hash: string): string => `chat.fileset.${hash}`,
  /** What a tenant keeps in all, by its hash: compare-and-set, the last one counts. */
  fileSum: (hash: string): string => `chat.filesum.${hash}`,
  /** Who collects what nobody wants any more: compare-and-set. */
  fileCare: "chat.filecare.owner",
  allFiles: ["chat.file.*.*", "chat.filein.*.*", "chat.fileset.*", "chat.filesum.*", "chat.filecare.*"],
  /** In the format of the object store: a chunk of an object by its id, and what is said of it by its name. */
  fileChunk: (id: string): string => `${fileBucket}.C.${id}`,
  fileMeta: (name: string): string => `${fileBucket}.M.${name}`,
  allFileBytes: [`${fileBucket}.C.>`, `${fileBucket}.M.>`],
} as const;
