import { isTransient } from "../../src/model/model-error.ts";
import { chunk, createClient, never, question } from "./fake-provider.ts";
import { startRawProvider, type RawAnswer } from "./raw-provider.ts";

/** What becomes of an answer: its text, and how it ended or failed; `!` marks what is worth repeating. */
export type Expected = string;
export type Row = readonly [name: string, answer: RawAnswer, expected: Expected];

export const json = (value: object): string => JSON.stringify(value);
export const data = (value: object): string => `data: ${json(value)}\n\n`;
export const text = (content: string): object => chunk({ content });
export const hello = data(text("Hello, ")) + data(text("world"));
export const stop = data(chunk({}, "stop"));
export const done = "data: [DONE]\n\n";
export const whole = hello + stop + done;

export const stream = (...pieces: RawAnswer["pieces"]): RawAnswer => ({ pieces });
export const response = (type: string, body: string): RawAnswer => ({
  head: `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nconnection: close`,
  pieces: [body],
});
export const encoded = (encoding: string, body: Buffer): RawAnswer => ({
  head: `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: ${encoding}\r\nconnection: close`,
  pieces: [body.subarray(0, 30), body.subarray(30)],
});
export const chunkedHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
export const framed = (body: string): string => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
export const bytesOf = (body: string): Buffer[] => [...Buffer.from(body)].map((byte) => Buffer.from([byte]));

const impatient = { idleMs: 1_000, firstTokenMs: 9_000 };

/** What comes of it. */
export async function outcomeOf(answer: RawAnswer): Promise<string> {
  await using provider = await startRawProvider([answer]);
  const client = createClient(provider.baseURL, impatient);
  let said = "";
  try {
    await client.stream(question, never(), (events) => {
      for (const event of events) {
        if (event.type === "text") said += event.text;
        if (event.type === "end") said += ` ${event.finish}`;
      }
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return `${said} ${code}${isTransient(error) ? "!" : ""}`;
  }
  return said;
}
