import { randomBytes } from "node:crypto";
import { z } from "zod";
import { createHttpExchange } from "../model/http-exchange.ts";
import type { Provider } from "../model/provider.ts";

/** Writes down what is said in a recording. Rejects when the provider refuses or says something else, and when the signal is aborted. */
export type Transcribe = (recording: Recording, signal: AbortSignal) => Promise<string>;

export interface Recording {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

const Answer = z.object({ text: z.string() });

const mostAnswerBytes = 2 * 1024 * 1024;
/** Minutes of speech are heard in seconds; a model that is being loaded takes longer. */
const longestMs = 120_000;

/** What providers tell a recording's format by. */
const endings: Readonly<Record<string, string>> = {
  "audio/webm": "webm",
  "video/webm": "webm",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/x-m4a": "m4a",
  "video/mp4": "mp4",
  "audio/ogg": "ogg",
  "audio/opus": "ogg",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/vnd.wave": "wav",
  "audio/flac": "flac",
  "audio/x-flac": "flac",
};

/** The `/audio/transcriptions` of the provider that answers, or of any server that speaks as OpenAI does. */
export function createTranscription({ baseURL, apiKey, headers }: Provider, model: string): Transcribe {
  const exchange = createHttpExchange();
  const url = new URL(baseURL);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/audio/transcriptions`;
  return async (recording, signal) => {
    const boundary = `parley-${randomBytes(18).toString("base64url")}`;
    const head = {
      ...headers,
      authorization: `Bearer ${apiKey}`,
      "content-type": `multipart/form-data; boundary=${boundary}`,
    };
    const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
    const reply = await exchange.post(url, { headers: head, body: formOf(recording, model, boundary) }, within);
    const text = await readText(reply.body);
    if (reply.status !== 200) throw new Error(`the provider answered ${reply.status} to a request for a transcription`);
    return Answer.parse(JSON.parse(text)).text;
  };
}

/** Names of files are anybody's words: none of them is in the form. */
function formOf({ mediaType, bytes }: Recording, model: string, boundary: string): Buffer {
  const field = (name: string, value: string): string =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const ending = Object.hasOwn(endings, mediaType) ? endings[mediaType] : "bin";
  const file = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="recording.${ending}"\r\ncontent-type: ${mediaType}\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(field("model", model.replaceAll(/[\r\n]/g, " ")) + field("response_format", "json") + file),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > mostAnswerBytes) throw new Error("the provider's transcription is larger than is read");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
