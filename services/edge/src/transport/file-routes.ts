import { ChatError, ConversationId, FileId, FileInfo, fileLimits, type FileRecord } from "@parley/protocol";
import { z } from "zod";
import type { FileCommands } from "../commands/files/files.ts";
import { BodyCutError, SlowBodyError } from "./body-stream.ts";
import { createFileDownload, downloadHeaders, inlineField } from "./file-download.ts";
import { chatErrorReply, jsonReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Call, type Route } from "./route.ts";
import { createTusHandlers, isTus, tusHeaders, tusOptions } from "./file-tus.ts";

export interface FileRouteDeps {
  readonly files: FileCommands;
}

const filesPath = "/api/v1/files";
const mostListed = 200;

const params = z.object({ id: FileId });
const uploadHeaders = ["content-length", ...tusHeaders] as const;

/** Files: brought in one body or by tus, read with ranges. */
export function createFileRoutes(deps: FileRouteDeps): Route[] {
  const tus = createTusHandlers(deps.files, filesPath);
  const { maxBytes } = deps.files.settings;
  const optionHeaders = tusOptions(maxBytes);
  return [
    uploadRoute(deps, tus, optionHeaders),
    listRoute(deps),
    infoRoute(deps),
    readRoute(deps, tus, optionHeaders),
    appendRoute(tus),
    overrideRoute(tus),
    removalRoute(tus),
  ];
}

type Tus = ReturnType<typeof createTusHandlers>;

const UploadQuery = z.object({
  name: z.string().max(4_096).default("file").describe("How the file is called."),
  id: z
    .string()
    .min(1)
    .max(fileLimits.clientIdChars)
    .optional()
    .describe("The client's own id: sent again under it, it is the same file."),
  conversation_id: ConversationId.optional().describe("To which it belongs as soon as it is stored."),
});

function uploadRoute({ files }: FileRouteDeps, tus: Tus, optionHeaders: Readonly<Record<string, string>>): Route {
  return defineRoute({
    method: "post",
    path: filesPath,
    summary:
      "Bring a file: its bytes as the body, with their type in `content-type` and their number in `content-length`; or begin one by tus 1.0 (`tus-resumable: 1.0.0`), which goes on wherever it was cut.",
    access: "user",
    ...{ params: nothing, body: nothing, isStreamed: true, reads: uploadHeaders, optionHeaders },
    query: UploadQuery,
    responses: {
      200: { description: "It was stored before.", content: FileInfo },
      201: { description: "It is stored; by tus, it is begun.", content: FileInfo },
    },
    handle: (call, { query }) =>
      answered(() => (isTus(call) ? tus.create(call) : bringPlain(files, call, { ...query, clientId: query.id }))),
  });
}

interface Plain {
  readonly name: string;
  readonly clientId: string | undefined;
  readonly conversation_id?: ConversationId | undefined;
}

/** All of it in one body. What is cut begins anew under the same id. */
async function bringPlain(files: FileCommands, call: Call, plain: Plain): Promise<Reply> {
  const { caller, exchange, recheck } = call;
  const announced = { ...plain, mediaType: exchange.header("content-type"), bytes: lengthOf(call) };
  const spender = { caller, isExempt: exchange.whence.isExempt };
  // Before anything is stored for a conversation that it cannot come to.
  if (plain.conversation_id !== undefined) await files.demandSending(caller, plain.conversation_id);
  const free = files.takeRoom(spender);
  try {
    const begun = await files.begin(spender, announced);
    if (begun.status === "stored") return storedReply(200, await attached(files, call, begun, plain), files);
    const record = begun.offset === 0 ? begun : await files.restart(begun);
    const read = (): Promise<Buffer | undefined> => exchange.stream.read();
    const received = await files.receive(record, { offset: record.offset, read, recheck });
    return storedReply(201, await attached(files, call, await files.finish(received), plain), files);
  } finally {
    free();
  }
}

async function attached(
  files: FileCommands,
  { caller }: Call,
  record: FileRecord,
  { conversation_id: conversation }: Plain,
): Promise<FileRecord> {
  return conversation === undefined ? record : files.attach(caller, record.file_id, conversation);
}

function storedReply(status: 200 | 201, record: FileRecord, files: FileCommands): Reply {
  return jsonReply(status, files.infoOf(record), { location: `${filesPath}/${record.file_id}` });
}

/** Without it nobody knows whether the file has room before it is here. */
function lengthOf({ exchange }: Call): number {
  const encoding = exchange.header("content-encoding").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity") {
    throw new ChatError("UNSUPPORTED", { message: "Send the file as it is, without a content-encoding." });
  }
  const length = exchange.header("content-length");
  if (/^\d{1,15}$/.test(length)) return Number(length);
  throw new ChatError("INVALID_FRAME", { message: "Say how many bytes the file has, in content-length." });
}

function tooSlow(cause: SlowBodyError): ChatError {
  const message = "The file came too slowly: less than 1 KB a second. What came by tus is stored; go on with it.";
  return new ChatError("OVERLOADED", { message, cause });
}

/** To who has gone away nothing is said. A file of a type that is not taken is refused as HTTP has it (RFC 9110, 15.5.16). */
async function answered(work: () => Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BodyCutError) return undefined;
    if (error instanceof SlowBodyError) return chatErrorReply(tooSlow(error), {}, 408);
    if (error instanceof ChatError && error.code === "UNSUPPORTED") return chatErrorReply(error, {}, 415);
    throw error;
  }
}

function listRoute({ files }: FileRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: filesPath,
    summary: "Files that the caller has brought, the newest first.",
    access: "user",
    ...{ params: nothing, body: nothing },
    query: z.object({
      limit: z.coerce.number().int().min(1).max(mostListed).default(50).describe("At most so many."),
      after: FileId.optional().describe("Behind this one: the last one of the page before."),
    }),
    responses: { 200: { description: "A page of them.", content: z.object({ files: z.array(FileInfo) }) } },
    async handle({ caller }, { query: { limit: most, after } }) {
      const records = await files.list(caller, { most, after });
      return jsonReply(200, { files: records.map((record) => files.infoOf(record)) });
    },
  });
}

function infoRoute({ files }: FileRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: `${filesPath}/:id/info`,
    summary: "What is known of a file: for who brought it, and for the members of the conversation that has it.",
    access: "user",
    ...{ params, query: nothing, body: nothing },
    responses: { 200: { description: "The file.", content: FileInfo } },
    async handle({ caller }, { params: { id } }) {
      return jsonReply(200, files.infoOf(await files.readable(caller, id)));
    },
  });
}

function readRoute({ files }: FileRouteDeps, tus: Tus, optionHeaders: Readonly<Record<string, string>>): Route {
  const download = createFileDownload(files);
  return defineRoute({
    method: "get",
    path: `${filesPath}/:id`,
    summary:
      "The bytes of a file, for who brought it and for the members of the conversation that has it; one range of them (`range`). By tus, HEAD says how far an upload is.",
    access: "user",
    ...{ params, body: nothing, reads: [...downloadHeaders, ...tusHeaders], optionHeaders },
    query: z.object({ inline: inlineField }),
    headers: { range: "`bytes=0-1023`: one range. Several are answered with all of it." },
    responses: {
      200: { description: "All of it." },
      206: { description: "The range." },
      304: { description: "The client has it (`if-none-match`)." },
      416: { description: "There are no such bytes." },
    },
    handle: (call, { params: { id }, query: { inline } }) =>
      call.exchange.method === "HEAD" && isTus(call) ? tus.head(call, id) : download(call, id, inline),
  });
}

function appendRoute(tus: Tus): Route {
  return defineRoute({
    method: "patch",
    path: `${filesPath}/:id`,
    summary: "Go on with a file, by tus: bytes behind what is stored (`upload-offset`).",
    access: "user",
    ...{ params, query: nothing, body: nothing, isStreamed: true, reads: uploadHeaders },
    responses: { 204: { description: "They are stored: `upload-offset` says how far it is." } },
    handle: (call, { params: { id } }) => answered(() => tus.append(call, id)),
  });
}

/** For clients behind proxies that let no PATCH and no DELETE pass. */
function overrideRoute(tus: Tus): Route {
  return defineRoute({
    method: "post",
    path: `${filesPath}/:id`,
    summary: "PATCH or DELETE, by tus, for who cannot send these: `x-http-method-override` says which.",
    access: "user",
    ...{ params, query: nothing, body: nothing, isStreamed: true, reads: uploadHeaders },
    responses: { 204: { description: "As PATCH or DELETE." } },
    async handle(call, { params: { id } }) {
      const method = call.exchange.header("x-http-method-override").toUpperCase();
      if (method === "PATCH") return answered(() => tus.append(call, id));
      if (method === "DELETE") return tus.remove(call, id);
      const message = "POST of a file takes x-http-method-override: PATCH or DELETE.";
      throw new ChatError("UNSUPPORTED", { message });
    },
  });
}

function removalRoute(tus: Tus): Route {
  return defineRoute({
    method: "delete",
    path: `${filesPath}/:id`,
    summary: "Remove a file that was not sent yet. One that was goes with its conversation.",
    access: "user",
    ...{ params, query: nothing, body: nothing, reads: tusHeaders },
    responses: { 204: { description: "It is gone." } },
    handle: (call, { params: { id } }) => tus.remove(call, id),
  });
}
