import { once } from "node:events";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameReader, type NatsFrame, type NatsMessage } from "../src/nats-frames.ts";
import { createTreatedStream, type NatsProxyFigures, type Treatment } from "../src/nats-proxy.ts";

const noFigures = (): NatsProxyFigures => ({ held: 0, overtaken: 0, split: 0, full: 0 });

const line = fc.constantFrom("PING", "PONG", "+OK", "-ERR 'Slow Consumer'", 'INFO {"server_name":"München"}');
const subject = fc.constantFrom("live.c.t.a", "live.c.t.user", "_INBOX.a.1", "MSG");
// Also bytes that look like the protocol's own.
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom("", "\r\n", "PING\r\n", "MSG a 1 4\r\n", "\r\n\r\n").map((text) => Buffer.from(text)),
);
const headers = fc.option(
  fc.constantFrom("NATS/1.0\r\nNats-Sequence: 7\r\n\r\n", "NATS/1.0 503\r\n\r\n", "NATS/1.0\r\nA:b\r\nA: c\r\n\r\n"),
  { nil: undefined },
);
const reply = fc.constantFrom("", " _INBOX.x");

/** Of the place that becomes its subscription id, so that no two messages are the same. */
type Maker = (place: number) => Buffer;

const message = fc.record({ subject, reply, headers, payload }).map((parts): Maker => (place) => {
  const head = Buffer.from(parts.headers ?? "");
  const size = head.length + parts.payload.length;
  const sizes = parts.headers === undefined ? `${size}` : `${head.length} ${size}`;
  const operation = parts.headers === undefined ? "MSG" : "HMSG";
  const first = `${operation} ${parts.subject} ${place}${parts.reply} ${sizes}\r\n`;
  return Buffer.concat([Buffer.from(first), head, parts.payload, Buffer.from("\r\n")]);
});
const frame = fc.oneof(
  line.map(
    (text): Maker =>
      () =>
        Buffer.from(`${text}\r\n`),
  ),
  message,
);
const frames = fc.array(frame, { maxLength: 12 }).map((makers) => makers.map((make, place) => make(place)));
const cuts = fc.array(fc.nat(400), { maxLength: 40 });

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set([...places.filter((place) => place < bytes.length), bytes.length])].toSorted(
    (one, other) => one - other,
  );
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

function sizeOf(list: readonly Buffer[]): number {
  return list.reduce((sum, bytes) => sum + bytes.length, 0);
}

/** What leaves the stream when these chunks enter it. */
async function through(chunks: readonly Buffer[], treat: (message: NatsMessage) => Treatment | undefined) {
  const stream = createTreatedStream(treat, noFigures());
  const source = new PassThrough();
  const all = buffer(source.pipe(stream));
  for (const chunk of chunks) source.write(chunk);
  source.end();
  return all;
}

describe("a stream of frames", () => {
  it("comes out as it went in, wherever it was cut", async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, fc.string(), async (sent, places, begun) => {
        const bytes = Buffer.concat([...sent, Buffer.from(begun.replaceAll("\r\n", ""))]);
        expect(await through(cutAt(bytes, places), () => undefined)).toEqual(bytes);
      }),
    );
  });

  it("comes out as it went in when its messages are written in pieces", async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, fc.integer({ min: 1, max: 7 }), async (sent, places, pieceBytes) => {
        const bytes = Buffer.concat(sent);
        expect(await through(cutAt(bytes, places), () => ({ pieceBytes }))).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
  });

  it("is found again frame by frame, wherever it was cut", () => {
    fc.assert(
      fc.property(frames, cuts, (sent, places) => {
        const reader = createFrameReader();
        const found = cutAt(Buffer.concat(sent), places).flatMap((chunk) => reader.push(chunk));
        expect(found.map(({ bytes }) => bytes.toString("latin1"))).toEqual(
          sent.map((bytes) => bytes.toString("latin1")),
        );
        expect(reader.rest()).toHaveLength(0);
      }),
    );
  });
});

describe("held messages", () => {
  it("come whole, those of a lane in order, while all else passes in its own order", async () => {
    const choices = fc.infiniteStream(fc.option(fc.nat(20), { nil: undefined }));
    await fc.assert(
      fc.asyncProperty(frames, cuts, choices, fc.boolean(), async (sent, places, chosen, isInPieces) => {
        const releases: (() => void)[] = [];
        const lanes = new Map<string, string>();
        const stream = createTreatedStream(({ sid, subject: lane }) => {
          const choice = chosen.next().value;
          if (choice === undefined) return undefined;
          lanes.set(sid, lane);
          const hold = new Promise<void>((resolve) => releases.splice(choice % (releases.length + 1), 0, resolve));
          return { hold, lane, ...(isInPieces ? { pieceBytes: 3 } : {}) };
        }, noFigures());
        const out: Buffer[] = [];
        stream.on("data", (bytes: Buffer) => out.push(bytes));
        for (const chunk of cutAt(Buffer.concat(sent), places)) stream.write(chunk);
        for (const release of releases) release();
        const size = sizeOf(sent);
        while (sizeOf(out) < size) await once(stream, "data");
        stream.destroy();
        const [got, given] = [Buffer.concat(out), Buffer.concat(sent)].map((bytes) => createFrameReader().push(bytes));
        for (const lane of new Set([undefined, ...lanes.values()])) {
          const ofLane = (found: readonly NatsFrame[] = []): string[] =>
            found
              .filter((each) => lanes.get(each.message?.sid ?? "") === lane)
              .map(({ bytes }) => bytes.toString("latin1"));
          expect(ofLane(got)).toEqual(ofLane(given));
        }
      }),
    );
  });

  const live = (seq: number, channel: string): Buffer => {
    const head = `NATS/1.0\r\nNats-Sequence: ${seq}\r\n\r\n`;
    return Buffer.from(`HMSG live.c.t.${channel} 1 ${head.length} ${head.length + 2}\r\n${head}hi\r\n`);
  };
  const ping = Buffer.from("PING\r\n");
  const sequencesIn = (bytes: Buffer): string[] =>
    createFrameReader()
      .push(bytes)
      .map(({ message: found }) => found?.header("Nats-Sequence") ?? "none");

  it("are overtaken by what is not held, but not within their lane", async () => {
    let release = (): void => undefined;
    const figures = noFigures();
    const stream = createTreatedStream(({ header, subject: lane }) => {
      if (header("Nats-Sequence") === "1") return { lane, hold: new Promise<void>((resolve) => (release = resolve)) };
      return { lane };
    }, figures);
    const out: Buffer[] = [];
    stream.on("data", (bytes: Buffer) => out.push(bytes));
    stream.write(Buffer.concat([live(1, "a"), live(2, "user"), live(3, "a"), ping]));
    await expect.poll(() => sequencesIn(Buffer.concat(out))).toEqual(["2", "none"]);
    release();
    await expect.poll(() => sequencesIn(Buffer.concat(out))).toEqual(["2", "none", "1", "3"]);
    expect(figures).toEqual({ held: 2, overtaken: 1, split: 0, full: 0 });
    stream.destroy();
  });

  it("are lost with the connection", async () => {
    const bytes = Buffer.concat([live(1, "a"), live(2, "a"), ping]);
    const treat = ({ header }: NatsMessage): Treatment | undefined =>
      header("Nats-Sequence") === "1" ? { hold: 60_000 } : undefined;
    expect(sequencesIn(await through([bytes], treat))).toEqual(["2", "none"]);
  });

  it("keep the reader waiting when they are too many", async () => {
    const releases: (() => void)[] = [];
    const figures = noFigures();
    const stream = createTreatedStream(
      () => ({ hold: new Promise<void>((resolve) => releases.push(resolve)) }),
      figures,
    );
    stream.resume();
    const large = Buffer.alloc(16 * 1024 * 1024);
    const one = Buffer.concat([Buffer.from(`MSG s 1 ${large.length}\r\n`), large, Buffer.from("\r\n")]);
    let taken = 0;
    for (let i = 0; i < 6; i++) stream.write(one, () => (taken += 1));
    await expect.poll(() => [figures.full, taken]).toEqual([1, 3]);
    releases.shift()?.();
    await expect.poll(() => taken).toBe(4);
    stream.destroy();
  });
});

it("does not take for frames what is none", async () => {
  for (const text of ["MSG a 1 x\r\n", "MSG a 1 2\r\nabcd", "HMSG a 1 9 4\r\n", "MSG a 99999999999\r\n"]) {
    await expect(through([Buffer.from(text)], () => undefined)).rejects.toThrow(/NATS message|line end/);
  }
});
