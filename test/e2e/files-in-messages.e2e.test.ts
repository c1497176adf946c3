import { createUploads } from "@parley/client/files";
import { filesOf, messages } from "@parley/protocol/fold";
import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";
import { pngOf, removeFile, storeFile, wavOf, type StoredFile } from "./stored-file.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ edges: 2, env: { "tool-worker": { DEMO_TOOLS: "1" } } });
});
afterAll(() => system[Symbol.asyncDispose]());

const part = (file_id: string) => ({ type: "file", file_id }) as const;
const stored = (file: Omit<StoredFile, "user"> & { user?: string }): Promise<string> =>
  storeFile(system.nats, { user: "anna", ...file });
const csv = { name: "sums.csv", bytes: Buffer.from("month,sum\nMay,1200\nJune,900\n") };

describe("a message with files", () => {
  it("reaches all who look, the model, the transcript and a later edge alike", async () => {
    const [edge, other] = system.edges;
    using anna = await person(edge!);
    using laptop = await person(other!);
    const [image, table] = await Promise.all([stored({ name: "a.png", bytes: pngOf(3, 2) }), stored(csv)]);
    const chat = anna.conversation();
    const { turn_id } = await chat.send("What is this?", { parts: [part(image), part(table)] });
    const end = await chat.untilEnd(turn_id);
    expect(end.response).toContain("I was given an image: image/png");
    expect(end.response).toContain("3 × 2 pixels");
    expect(end.response).toContain("the file sums.csv (text/csv), which says: “month,sum May,1200 June,900”");

    const joined = laptop.conversation(chat.id);
    await joined.subscribe();
    const files = [
      { type: "file", file_id: image, name: "a.png", media_type: "image/png", bytes: pngOf(3, 2).length },
      { type: "file", file_id: table, name: "sums.csv", media_type: "text/csv", bytes: csv.bytes.length },
    ];
    const parts = [{ type: "text", text: "What is this?" }, ...files];
    expect(messages(chat.view)[0]?.parts).toEqual(parts);
    expect(messages(joined.view)[0]?.parts).toEqual(parts);
    expect(await transcript(chat.id)).toEqual([parts, expect.anything()]);
  });

  it("without a text is one, and keeps its files when it is answered once more", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const { turn_id, message_id } = await chat.send({ parts: [part(await stored(csv))] });
    expect((await chat.untilEnd(turn_id)).response).toContain("sums.csv");
    const again = await post(`/api/v1/conversations/${chat.id}/regenerate`, { message_id });
    expect(again.status).toBe(200);
    expect(z.object({ response: z.string() }).parse(await again.json()).response).toContain("sums.csv");
  });

  it("that comes again is the same, with other files it is refused", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const file = await stored(csv);
    const first = await chat.send("Look", { id: "m1", parts: [part(file)] });
    await chat.untilEnd(first.turn_id);
    const again = { id: "m1", message: "Look", conversation_id: chat.id, parts: [part(file)] };
    expect((await post("/api/v1/chat", again)).status).toBe(200);
    expect((await post("/api/v1/chat", { ...again, parts: [part(await stored(csv))] })).status).toBe(409);
    expect((await post("/api/v1/chat", { ...again, parts: undefined })).status).toBe(409);
    // What became of the file since changes nothing.
    await removeFile(system.nats, file);
    expect((await post("/api/v1/chat", again)).status).toBe(200);
  });

  it("may not bring what is somebody else's, another conversation's, unfinished or not there", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const send = (file: string): Promise<unknown> =>
      chat.send("Look", { parts: [part(file)] }).catch((error: unknown) => error);
    const bens = await stored({ ...csv, user: "ben" });
    expect(await send(bens)).toMatchObject({ code: "NOT_FOUND" });
    expect(await send(`file_u${"x".repeat(21)}`)).toMatchObject({ code: "NOT_FOUND" });
    expect(await send(await stored({ ...csv, sent: 5 }))).toMatchObject({ code: "CONFLICT", retryable: true });
    const used = await stored(csv);
    const other = anna.conversation();
    await other.untilEnd((await other.send("Look", { parts: [part(used)] })).turn_id);
    expect(await send(used)).toMatchObject({ code: "CONFLICT" });
    // In its own conversation it may be said again.
    const again = await other.send("Once more", { parts: [part(used)] });
    expect((await other.untilEnd(again.turn_id)).response).toContain("sums.csv");
  });

  it("whose file is gone when it is answered later is answered without it", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const file = await stored(csv);
    await chat.untilEnd((await chat.send("Look", { parts: [part(file)] })).turn_id);
    await removeFile(system.nats, file);
    const later = await chat.send("And now?");
    expect(await chat.untilEnd(later.turn_id)).toMatchObject({ type: "complete" });
  });
});

describe("the client library", () => {
  const token = (): Promise<string> => devToken(system.edges[0]!, "anna");

  it("uploads in pieces, through failures and another edge, and sends what it uploaded", async () => {
    using anna = await person(system.edges[0]!);
    const bytes = Buffer.from(`number\n${Array.from({ length: 30_000 }, (_, n) => n).join("\n")}`);
    let requests = 0;
    // Every third request is lost, half of these after it has arrived; each goes to whichever edge.
    const flaky: typeof fetch = async (input, init) => {
      const nth = ++requests;
      if (nth % 6 === 3) throw new TypeError("lost on its way");
      const { port } = system.edges[nth % 2]!;
      const answer = await fetch(`http://127.0.0.1:${port}${typeof input === "string" ? input : ""}`, init);
      if (nth % 6 === 0) throw new TypeError("the answer was lost");
      return answer;
    };
    const uploads = createUploads({ getToken: token, fetch: flaky, pieceBytes: 40_000 });
    const sent: number[] = [];
    const file = new File([bytes], "numbers.csv", { type: "text/csv" });
    const uploaded = await uploads.upload(file, { onProgress: (now) => sent.push(now) });
    expect(uploaded).toMatchObject({ name: "numbers.csv", media_type: "text/csv", bytes: bytes.length });
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect(sent.at(-1)).toBe(bytes.length);
    const address = `http://127.0.0.1:${system.edges[1]!.port}${uploads.pathOf(uploaded)}`;
    const fetched = await fetch(address, { headers: { authorization: `Bearer ${await token()}` } });
    expect(Buffer.from(await fetched.arrayBuffer()).equals(bytes)).toBe(true);
    const chat = anna.conversation();
    const { turn_id } = await chat.send("What is in it?", { parts: [uploaded] });
    expect((await chat.untilEnd(turn_id)).response).toContain("numbers.csv");
    expect(filesOf(messages(chat.view)[0]?.parts ?? [])).toEqual([uploaded]);
  });

  it("gives up with the server's word where the file is not taken, and at its caller's", async () => {
    const server = `http://127.0.0.1:${system.edges[0]!.port}`;
    const uploads = createUploads({ server, getToken: token });
    const program = new File([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])], "a.bin");
    await expect(uploads.upload(program)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(uploads.upload(new File(["a"], "a.txt"), { signal: stop })).rejects.toThrow("enough");
  });
});

describe("what a file says", () => {
  it("is heard where it is a recording, and told to who watches", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const told: string[] = [];
    chat.on("frame", (frame) => frame.type === "progress" && frame.step === "files" && told.push(frame.message));
    const note = await stored({ name: "note.wav", bytes: wavOf() });
    const { turn_id } = await chat.send("What do I say?", { parts: [part(note)] });
    expect((await chat.untilEnd(turn_id)).response).toContain("simulated transcript");
    expect(told).toEqual(["Writing down what is said in note.wav"]);
    // A later turn knows it without hearing it again.
    await chat.untilEnd((await chat.send("And what else?")).turn_id);
    expect(await transcriptions()).toBe(1);
  });

  it("is a sentence where nobody can read it, and where the model sees no images", async () => {
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const told: string[] = [];
    chat.on("frame", (frame) => frame.type === "progress" && frame.step === "files" && told.push(frame.message));
    const video = await stored({ name: "broken.pdf", bytes: Buffer.from("%PDF-1.7\nno more") });
    await chat.untilEnd((await chat.send("Look", { parts: [part(video)] })).turn_id);
    expect(told.join("\n")).toMatch(/broken\.pdf .*the model answers without it/);
    const image = await stored({ name: "a.png", bytes: pngOf(2, 2) });
    const { turn_id } = await chat.send("What is this? /sim images=refuse", { parts: [part(image)] });
    expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete" });
    expect(told.at(-1)).toBe("The model cannot see images; it answers without them");
  });
});

describe("a tool that gives a file back", () => {
  it("has it told behind its call, once, to all who look and in the transcript", async () => {
    using anna = await person(system.edges[0]!);
    using late = await person(system.edges[1]!);
    const chat = anna.conversation();
    const ask = '/sim tool=demo_report args={"title":"Squares","rows":3}';
    const end = await chat.untilEnd((await chat.send(`Make a report ${ask}`)).turn_id);
    expect(end.tool_calls[0]?.result).toContain("The user was given the file Squares.csv");
    const answer = messages(chat.view)[1]?.parts ?? [];
    expect(answer.map(({ type }) => type)).toEqual(["text", "tool_call", "file", "text"]);
    expect(filesOf(answer)).toMatchObject([{ name: "Squares.csv", media_type: "text/csv", bytes: 26 }]);
    const joined = late.conversation(chat.id);
    await joined.subscribe();
    expect(messages(joined.view)[1]?.parts).toEqual(answer);
    expect((await transcript(chat.id))[1]).toEqual(answer);
  });
});

const Transcript = z.object({ messages: z.array(z.object({ parts: z.unknown() })) });

async function transcript(conversation: string): Promise<unknown[]> {
  const answer = await fetch(address(`/api/v1/conversations/${conversation}/messages`), { headers: await headers() });
  return Transcript.parse(await answer.json()).messages.map(({ parts }) => parts);
}

async function post(path: string, body: object): Promise<Response> {
  return fetch(address(path), { method: "POST", headers: await headers(), body: JSON.stringify(body) });
}

function address(path: string): string {
  return `http://127.0.0.1:${system.edges[0]!.port}${path}`;
}

async function headers() {
  return { authorization: `Bearer ${await devToken(system.edges[0]!, "anna")}`, "content-type": "application/json" };
}

async function transcriptions(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${system.modelSimulator.port}/sim/requests`);
  const requests = z.array(z.object({ model: z.string() })).parse(await answer.json());
  return requests.filter(({ model }) => model === "transcription").length;
}
