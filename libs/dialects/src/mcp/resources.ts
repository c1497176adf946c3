import type { KnowledgeEntry } from "@parley/protocol";

/** Documents of the agents, as clients of MCP list and read them. */

export interface McpResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly mimeType: string;
  /** Bytes. */
  readonly size: number;
}

const prefix = "parley://knowledge/";
const pageSize = 50;
export const documentType = "text/markdown";

export function uriOfDocument(file: string): string {
  return prefix + file.toWellFormed().split("/").map(encodeURIComponent).join("/");
}

/** Those that whoever asks may read: somebody may use one of the agents whose knowledge it is. */
export function readableDocuments(
  entries: readonly KnowledgeEntry[],
  mayUse: (agent: string) => boolean,
): KnowledgeEntry[] {
  return entries.filter(({ agents }) => agents.some(mayUse));
}

/** Of documents in their order. A cursor names the last one that its client has, so that nothing is left out when others come and go. Undefined: it is no cursor of ours. */
export function resourcePage(
  entries: readonly KnowledgeEntry[],
  cursor: string | undefined,
): { resources: McpResource[]; nextCursor?: string } | undefined {
  const after = cursor === undefined ? "" : fileOfCursor(cursor);
  if (after === undefined) return undefined;
  const rest = entries.filter(({ file }) => file > after);
  const page = rest.slice(0, pageSize);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined ? { nextCursor: cursorOf(last.file) } : {};
  return { resources: page.map(resourceOf), ...more };
}

function resourceOf({ file, title, bytes }: KnowledgeEntry): McpResource {
  return { uri: uriOfDocument(file), name: file, title, mimeType: documentType, size: bytes };
}

function cursorOf(file: string): string {
  return Buffer.from(file).toString("base64url");
}

const cursorChars = 2_048;

function fileOfCursor(cursor: string): string | undefined {
  if (cursor.length > cursorChars) return undefined;
  const file = Buffer.from(cursor, "base64url").toString("utf8");
  return file !== "" && cursorOf(file) === cursor ? file : undefined;
}
