import type { FilePart, Part } from "./parts.ts";

/** Files of messages, without the schemas: browsers load this. */

export type Files = readonly FilePart[];
export const noFiles: Files = [];

type FileIds = readonly Pick<FilePart, "file_id">[];

/** Whether two messages bring the same files. */
export function hasSameFiles(one: FileIds | undefined, other: FileIds | undefined): boolean {
  const ids = (files: FileIds | undefined): string => (files ?? []).map(({ file_id }) => file_id).join(" ");
  return one === other || ids(one) === ids(other);
}

/** The field of whatever has one; nothing where there are none, so that what has no files is as it ever was. */
export function withFiles(files: Files | undefined): { files?: FilePart[] } {
  return files === undefined || files.length === 0 ? {} : { files: [...files] };
}

export function isFile(part: Part): part is FilePart {
  return part.type === "file";
}

export function filesOf(parts: readonly Part[]): FilePart[] {
  return parts.filter(isFile);
}
