import { createHash, randomBytes } from "node:crypto";
import { tokenOf, type EdgeUnderTest } from "./edge-fixture.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
/** Bytes that are told to be a picture, no two the same. */
export const picture = (size: number): Buffer => Buffer.concat([png, randomBytes(size)]).subarray(0, size);
export const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface FileRequest {
  readonly user?: string | null;
  readonly body?: RequestInit["body"];
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

// oxlint-disable-next-line typescript/no-explicit-any
export const jsonOf = async (response: Response): Promise<any> => response.json();

export const filesPath = "/api/v1/files";

/** One request about files, with any body. */
export async function fileRequest(
  edge: Pick<EdgeUnderTest, "port">,
  method: string,
  path: string,
  { user = "ann", headers = {}, body, signal }: FileRequest = {},
): Promise<Response> {
  const auth: Record<string, string> = user === null ? {} : { authorization: `Bearer ${await tokenOf(user)}` };
  return fetch(`http://127.0.0.1:${edge.port}${path}`, {
    method,
    headers: { ...auth, ...headers },
    ...(body === undefined ? {} : { body, duplex: "half" as const }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Brings a file in one body. */
export async function bring(
  edge: EdgeUnderTest,
  bytes: Uint8Array,
  { user = "ann", name = "cat.png", type = "image/png", query = "" } = {},
) {
  const path = `${filesPath}?name=${encodeURIComponent(name)}${query}`;
  const response = await fileRequest(edge, "POST", path, {
    user,
    headers: { "content-type": type },
    body: new Uint8Array(bytes),
  });
  return { status: response.status, headers: response.headers, body: await jsonOf(response) };
}

const tus = { "tus-resumable": "1.0.0" };
const encoded = (text: string): string => Buffer.from(text).toString("base64");

/** Begins one by tus; gives its answer. */
export function beginTus(
  edge: EdgeUnderTest,
  bytes: number,
  {
    user = "ann",
    name = "cat.png",
    id = "",
    headers = {},
    body,
  }: FileRequest & { name?: string; id?: string; user?: string } = {},
): Promise<Response> {
  const metadata = [
    `filename ${encoded(name)}`,
    `filetype ${encoded("image/png")}`,
    ...(id ? [`id ${encoded(id)}`] : []),
  ];
  return fileRequest(edge, "POST", filesPath, {
    user,
    headers: { ...tus, "upload-length": String(bytes), "upload-metadata": metadata.join(","), ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

/** Sends bytes of one by tus. */
export function patchTus(
  edge: Pick<EdgeUnderTest, "port">,
  location: string,
  offset: number,
  body: FileRequest["body"],
  { user = "ann", headers = {}, signal }: FileRequest = {},
): Promise<Response> {
  const type = { "content-type": "application/offset+octet-stream", "upload-offset": String(offset) };
  return fileRequest(edge, "PATCH", location, {
    user,
    headers: { ...tus, ...type, ...headers },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export const headTus = (edge: Pick<EdgeUnderTest, "port">, location: string, user = "ann"): Promise<Response> =>
  fileRequest(edge, "HEAD", location, { user, headers: tus });
