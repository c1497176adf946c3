import type { FilePart } from "@parley/protocol/fold";
import { ApiError, answeredError, ownError } from "./api-error.ts";
import type { HttpOptions } from "./http.ts";

export interface UploadHow {
  /** Begun again under it, it goes on where it was. */
  readonly id: string;
  readonly onProgress: (sent: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Files of the person: their bytes pass by JSON, so these are no usual requests. What is thrown has a sentence. */
export interface FileCalls {
  /** Absent: files are shown, and none are brought. */
  readonly upload?: (file: File, how: UploadHow) => Promise<FilePart>;
  /** All of it, with what the person is signed in by: an address alone would show it to nobody. */
  readonly bytes: (fileId: string, signal?: AbortSignal) => Promise<Blob>;
  /** One that was not sent. */
  readonly remove: (fileId: string) => Promise<void>;
  /** The largest that is taken; undefined: the server does not say. */
  readonly maxBytes: () => Promise<number | undefined>;
}

const path = "/api/v1/files";

export function createFileCalls(options: Pick<HttpOptions, "authorize" | "base">): FileCalls {
  const { authorize, base = "" } = options;
  let limit: Promise<number | undefined> | undefined;
  const ask = async (below: string, init: RequestInit): Promise<Response> => {
    const token = (await authorize?.()) ?? null;
    const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    const asked = { ...init, headers: { ...headers, ...(init.method === "DELETE" ? tus : {}) } };
    const response = await fetch(`${base}${path}${below}`, asked).catch((thrown: unknown) => {
      init.signal?.throwIfAborted();
      throw ownError(navigator.onLine ? "UNREACHABLE" : "OFFLINE", thrown);
    });
    if (response.ok) return response;
    throw answeredError(response.status, await response.json().catch(() => undefined));
  };
  return {
    async upload(file, how) {
      const { createUploads } = await import("@parley/client/files");
      const getToken = async (): Promise<string | null> => (await authorize?.()) ?? null;
      return createUploads({ server: base, getToken, pieceBytes: 1024 * 1024 }).upload(file, how);
    },
    bytes: async (id, signal) =>
      (await ask(`/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal })).blob(),
    async remove(id) {
      await ask(`/${encodeURIComponent(id)}`, { method: "DELETE" }).catch((thrown: unknown) => {
        // It was sent meanwhile, or is gone already: both are as they should be.
        if (!(thrown instanceof ApiError) || (thrown.status !== 404 && thrown.status !== 409)) throw thrown;
      });
    },
    maxBytes: () =>
      (limit ??= ask("", { method: "OPTIONS" }).then(
        ({ headers }) => numberIn(headers.get("tus-max-size")),
        () => void (limit = undefined),
      )),
  };
}

const tus = { "tus-resumable": "1.0.0" };

function numberIn(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
