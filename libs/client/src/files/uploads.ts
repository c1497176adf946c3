import { ChatError, type FilePart } from "@parley/protocol/fold";
import { newId } from "../ids.ts";
import { fieldsOf, refusalOf, type Fields, type RequestOptions } from "../rooms/requests.ts";

export interface UploadsOptions extends RequestOptions {
  /** Of one request. What a lost connection costs is sent again; smaller ones tell more often how far it is. Default: 4 MB. */
  readonly pieceBytes?: number;
  /** Failures in a row, without a byte more between them, after which an upload is given up. Default: 12, which is about a minute. */
  readonly tries?: number;
}

export interface UploadOptions {
  /** Default: that of the file. */
  readonly name?: string;
  /** The client's own id of the file: begun again under it, also by another page, an upload goes on where it was. Default: a random one. */
  readonly id?: string;
  readonly onProgress?: (sent: number, total: number) => void;
  /** Ends the upload. What was sent of it is kept for a while, for whoever goes on with it. */
  readonly signal?: AbortSignal;
}

export interface Uploads {
  /**
   * Sends a file, in pieces (tus 1.0), through lost connections and restarts of servers. Resolves with what a message may bring: `send(text, { parts: [part] })`. Rejects with
   * the server's ChatError, with OVERLOADED where it cannot be reached, or with the reason of the signal.
   */
  readonly upload: (file: Blob & { readonly name?: string }, options?: UploadOptions) => Promise<FilePart>;
  /** Where the bytes of a file are: a path of the server. */
  readonly pathOf: (file: Pick<FilePart, "file_id">) => string;
}

const base = "/api/v1/files";
const version = { "tus-resumable": "1.0.0" };

export function createUploads(options: UploadsOptions = {}): Uploads {
  return {
    upload: (file, how = {}) => upload(createSend(options, how.signal), file, { ...options, ...how }),
    pathOf: ({ file_id }) => `${base}/${encodeURIComponent(file_id)}`,
  };
}

interface Sending {
  readonly method: "POST" | "HEAD" | "PATCH" | "GET";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Blob;
}

interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly fields: Fields;
}

type Send = (sending: Sending) => Promise<Answer>;

/** Throws ChatError, of which OVERLOADED says that nobody knows whether it arrived. */
function createSend(
  { server = "", getToken, timeoutMs = 60_000, ...options }: RequestOptions,
  stop?: AbortSignal,
): Send {
  return async ({ method, path, headers = {}, body }) => {
    const token = (await getToken?.()) ?? null;
    const bearer: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    const late = AbortSignal.timeout(timeoutMs);
    const signal = stop === undefined ? late : AbortSignal.any([stop, late]);
    const how = {
      method,
      headers: { ...version, ...bearer, ...headers },
      signal,
      ...(body === undefined ? {} : { body }),
    };
    try {
      const response = await (options.fetch ?? fetch)(server + path, how);
      const fields = fieldsOf(await response.text());
      if (!response.ok) throw refusalOf(response.status, fields);
      return { status: response.status, header: (name) => response.headers.get(name), fields };
    } catch (error) {
      stop?.throwIfAborted();
      if (error instanceof ChatError) throw error;
      throw new ChatError("OVERLOADED", `The server cannot be reached: ${String(error)}`, true);
    }
  };
}

type File = Parameters<Uploads["upload"]>[0];

async function upload(send: Send, file: File, options: UploadsOptions & UploadOptions): Promise<FilePart> {
  const { pieceBytes = 4 * 1024 * 1024, onProgress, signal } = options;
  const again = createPatience(options);
  const path = await again.until(() => begin(send, file, options));
  const offsetOf = async (): Promise<number> => numberIn(await send({ method: "HEAD", path }), "upload-offset");
  let offset = await again.until(offsetOf);
  while (offset < file.size) {
    signal?.throwIfAborted();
    onProgress?.(offset, file.size);
    const before = offset;
    offset = await again.until(async () => {
      const body = file.slice(offset, offset + pieceBytes);
      const headers = { "upload-offset": String(offset), "content-type": "application/offset+octet-stream" };
      try {
        return numberIn(await send({ method: "PATCH", path, headers, body }), "upload-offset");
      } catch (error) {
        // Part of it may have arrived, or a request before this one that nobody heard of.
        if (!isPassing(error)) throw error;
        await again.pause(error);
        return offsetOf();
      }
    });
    if (offset > before) again.begin();
  }
  onProgress?.(offset, file.size);
  const { fields } = await again.until(() => send({ method: "GET", path: `${path}/info` }));
  return partOf(fields);
}

/** Begun twice under one id it is one file: whoever got no answer asks again. */
async function begin(
  send: Send,
  file: File,
  { name = file.name ?? "file", id = newId("f") }: UploadOptions,
): Promise<string> {
  const metadata = Object.entries({ filename: name, filetype: file.type, id }).filter(([, value]) => value !== "");
  const headers = {
    "upload-length": String(file.size),
    "upload-metadata": metadata.map(([key, value]) => `${key} ${base64Of(value)}`).join(","),
  };
  const location = (await send({ method: "POST", path: base, headers })).header("location");
  if (location === null) throw new ChatError("PROCESSING_ERROR", "The server did not say where the file goes.", true);
  return `${base}/${location.split("/").pop() ?? ""}`;
}

/** How often, and how soon, what failed is tried again. */
function createPatience({ tries = 12, signal }: UploadsOptions & UploadOptions) {
  let failures = 0;
  const pause = async (error: unknown): Promise<void> => {
    if (!isPassing(error) || ++failures >= tries) throw error;
    await wait(Math.min(8_000, 250 * 2 ** failures) * (0.75 + Math.random() / 2), signal);
  };
  return {
    pause,
    begin: () => void (failures = 0),
    until: async <T>(work: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          await pause(error);
        }
      }
    },
  };
}

/** `CONFLICT`: the file goes on elsewhere; where, the server is asked. */
function isPassing(error: unknown): boolean {
  return error instanceof ChatError && (error.retryable || error.code === "CONFLICT");
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

function numberIn({ header }: Answer, name: string): number {
  const value = Number(header(name) ?? Number.NaN);
  if (!Number.isSafeInteger(value))
    throw new ChatError("PROCESSING_ERROR", "The server did not say how far it is.", true);
  return value;
}

function base64Of(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

function partOf({ file_id, name, media_type, bytes }: Fields): FilePart {
  return {
    type: "file",
    file_id: String(file_id),
    name: String(name),
    media_type: String(media_type),
    bytes: Number(bytes),
  };
}
