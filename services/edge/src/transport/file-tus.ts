import { ChatError, fileLimits, type FileId, type FileRecord } from "@parley/protocol";
import type { FileCommands } from "../commands/files/files.ts";
import { ChecksumError, checkedBytes, type Checksum } from "../commands/files/receiving.ts";
import { chatErrorReply, jsonReply, type Reply } from "./reply.ts";
import type { Call } from "./route.ts";

/** tus 1.0 (https://tus.io/protocols/resumable-upload): creation, creation-with-upload, expiration, termination, checksum. */

export const tusHeaders = [
  "tus-resumable",
  "upload-length",
  "upload-offset",
  "upload-metadata",
  "upload-checksum",
  "upload-defer-length",
  "upload-concat",
  "x-http-method-override",
] as const;

const version = "1.0.0";
const patchType = "application/offset+octet-stream";
/** In the names of tus, with those that Node takes. */
const algorithms: Readonly<Record<string, string>> = { sha1: "sha1", sha256: "sha256" };
const checksumMismatch = 460;

export function tusOptions(maxBytes: number): Readonly<Record<string, string>> {
  return {
    "tus-resumable": version,
    "tus-version": version,
    "tus-max-size": String(maxBytes),
    "tus-extension": "creation,creation-with-upload,expiration,termination,checksum",
    "tus-checksum-algorithm": Object.keys(algorithms).join(","),
  };
}

export function isTus({ exchange }: Call): boolean {
  return exchange.header("tus-resumable") !== "";
}

export function createTusHandlers(files: FileCommands, path: string) {
  const { create, append } = createTusWriting(files, path);
  return {
    create: (call: Call) => inVersion(call, () => create(call)),
    append: (call: Call, id: FileId) => inVersion(call, () => append(call, id)),

    head: (call: Call, id: FileId) =>
      inVersion(call, async () => {
        const record = await finishedIfWhole(files, await files.ofUploader(call.caller, id));
        const length = { "upload-length": String(record.bytes), "cache-control": "no-store" };
        return { status: 200, headers: { ...standing(files, record), ...length }, body: "" };
      }),

    /** Also for who does not speak tus. */
    async remove(call: Call, id: FileId): Promise<Reply> {
      const remove = async (): Promise<Reply> => {
        await files.remove(call.caller, id);
        return { status: 204, body: "" };
      };
      return isTus(call) ? inVersion(call, remove) : remove();
    },
  };
}

function createTusWriting(files: FileCommands, path: string) {
  const receive = (call: Call, record: FileRecord): Promise<FileRecord> => {
    const { exchange, recheck } = call;
    demandLength(exchange.header("content-length"), record.bytes - record.offset);
    const read = (): Promise<Buffer | undefined> => exchange.stream.read();
    return files.receive(record, { offset: record.offset, read, recheck, checksum: checksumOf(call) });
  };
  return {
    async create(call: Call): Promise<Reply> {
      const { caller, exchange } = call;
      const spender = { caller, isExempt: exchange.whence.isExempt };
      const free = files.takeRoom(spender);
      try {
        const begun = await files.begin(spender, announcedBy(call));
        const hasBody = exchange.header("content-type") === patchType;
        // One that is further already: the client is told where, and its bytes are not needed.
        const isNew = begun.offset === 0 && begun.status !== "stored";
        const record = await finishedIfWhole(files, hasBody && isNew ? await receive(call, begun) : begun);
        const location = `${path}/${record.file_id}`;
        return jsonReply(201, files.infoOf(record), { location, ...standing(files, record) });
      } finally {
        free();
      }
    },

    async append(call: Call, id: FileId): Promise<Reply> {
      const { caller, exchange } = call;
      if (exchange.header("content-type") !== patchType) {
        const error = new ChatError("UNSUPPORTED", { message: `Send the bytes as ${patchType}.` });
        return chatErrorReply(error, {}, 415);
      }
      const free = files.takeRoom({ caller, isExempt: exchange.whence.isExempt });
      try {
        const record = await files.ofUploader(caller, id);
        demandOffset(call, record);
        const received = record.status === "stored" ? record : await receive(call, record);
        return { status: 204, headers: standing(files, await finishedIfWhole(files, received)), body: "" };
      } catch (error) {
        if (error instanceof ChecksumError) return chatErrorReply(error, {}, checksumMismatch);
        throw error;
      } finally {
        free();
      }
    },
  };
}

/** Where the client asks how far it is, or has sent the last of it, and whoever was to end it died. */
function finishedIfWhole(files: FileCommands, record: FileRecord): Promise<FileRecord> {
  const isWhole = record.status === "uploading" && record.offset === record.bytes;
  return isWhole ? files.finish(record) : Promise.resolve(record);
}

function standing(files: FileCommands, record: FileRecord): Record<string, string> {
  const offset = { "upload-offset": String(record.offset) };
  if (record.status === "stored") return offset;
  return { ...offset, "upload-expires": new Date(files.expiresAt(record)).toUTCString() };
}

/** Before any of it is read. */
function demandLength(said: string, left: number): void {
  if (!/^\d+$/.test(said) || Number(said) <= left) return;
  const message = `These are more bytes than were announced: ${left} of the file are missing.`;
  throw new ChatError("MESSAGE_TOO_LARGE", { message });
}

/** All answers say which version they are of, also those that refuse. */
async function inVersion({ exchange }: Call, answer: () => Promise<Reply>): Promise<Reply> {
  exchange.headers.set("tus-resumable", version);
  if (exchange.header("tus-resumable") === version) return answer();
  const error = new ChatError("UNSUPPORTED", { message: `Only tus ${version} is spoken here.` });
  const reply = chatErrorReply(error, {}, 412);
  return { ...reply, headers: { ...reply.headers, "tus-version": version } };
}

function demandOffset({ exchange }: Call, { offset }: FileRecord): void {
  const said = exchange.header("upload-offset");
  if (!/^\d{1,15}$/.test(said)) {
    throw new ChatError("INVALID_FRAME", { message: "Say where the bytes belong, in upload-offset." });
  }
  if (Number(said) !== offset) throw new ChatError("CONFLICT", { message: `The file goes on at byte ${offset}.` });
}

function announcedBy({ exchange }: Call) {
  const length = exchange.header("upload-length");
  if (!/^\d{1,15}$/.test(length)) {
    const message = "Say how many bytes the file has, in upload-length: it cannot be said later here.";
    throw new ChatError("INVALID_FRAME", { message });
  }
  if (exchange.header("upload-concat") !== "") {
    throw new ChatError("UNSUPPORTED", { message: "Uploads are not put together here." });
  }
  const said = metadataOf(exchange.header("upload-metadata"));
  const clientId = said.get("id")?.slice(0, fileLimits.clientIdChars);
  return {
    clientId: clientId === "" ? undefined : clientId,
    name: said.get("filename") ?? said.get("name") ?? "file",
    mediaType: said.get("filetype") ?? said.get("type") ?? "",
    bytes: Number(length),
  };
}

/** `filename d29ybGQ=,is_confidential`: pairs, each value in base64. */
function metadataOf(text: string): Map<string, string> {
  const pairs = text.split(",").map((pair): [string, string] => {
    const [key = "", value = ""] = pair.trim().split(" ");
    return [key, Buffer.from(value, "base64").toString("utf8")];
  });
  return new Map(pairs);
}

function checksumOf({ exchange }: Call): Checksum | undefined {
  const said = exchange.header("upload-checksum");
  if (said === "") return undefined;
  const [name = "", text = ""] = said.split(" ");
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (algorithm === undefined) {
    const message = `Checksums are ${Object.keys(algorithms).join(" or ")}, of at most ${checkedBytes / 2 ** 20} MB.`;
    throw new ChatError("INVALID_FRAME", { message });
  }
  return { algorithm, digest: Buffer.from(text, "base64") };
}
