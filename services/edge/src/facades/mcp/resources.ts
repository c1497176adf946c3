import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError, type McpServer } from "@modelcontextprotocol/server";
import type { KnowledgeBoard } from "@parley/bus";
import { documentType, readableDocuments, resourcePage, uriOfDocument } from "@parley/dialects";
import { toChatError, type KnowledgeEntry } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { McpCall } from "./call.ts";

export interface ResourceDeps extends Pick<FacadeDeps, "may"> {
  /** Undefined: there is no Redis here, and no resources. */
  readonly knowledge: Pick<KnowledgeBoard, "list" | "textOf"> | undefined;
}

/** `resources/list` and `resources/read`: documents of agents that the caller may use. There are no templates and no subscriptions. */
export function serveResources(
  server: McpServer["server"],
  { knowledge, may }: ResourceDeps,
  { caller }: McpCall,
): void {
  if (knowledge === undefined) return;
  const mayUse = (name: string): boolean => may(caller, "agent:use", { kind: "agent", name }).allowed;
  const readable = async (): Promise<KnowledgeEntry[]> =>
    readableDocuments(await knowledge.list().catch(refuse), mayUse);

  server.setRequestHandler("resources/list", async ({ params }) => {
    const page = resourcePage(await readable(), params?.cursor);
    if (page === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "This is no cursor of this list.");
    return page;
  });

  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: [] }));

  server.setRequestHandler("resources/read", async ({ params: { uri } }) => {
    const entry = (await readable()).find(({ file }) => uriOfDocument(file) === uri);
    const text = entry && (await knowledge.textOf(entry).catch(refuse));
    // What the caller may not read is as unknown as what there is not.
    if (text === undefined) throw new ResourceNotFoundError(uri.slice(0, 512), "There is no such document.");
    return { contents: [{ uri, mimeType: documentType, text }] };
  });
}

/** Throws what clients are told of it. */
function refuse(thrown: unknown): never {
  throw new ProtocolError(ProtocolErrorCode.InternalError, toChatError(thrown).message);
}
