import { setTimeout as delay } from "node:timers/promises";
import { jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect, createInbox, headers, nanos, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import { serveRole } from "../measure/role.ts";
import { Load } from "../relay/load.ts";
import { makeTokens } from "../relay/pacing.ts";
import { bareEvents, bareLive, bareSubject } from "./subjects.ts";

const Ack = z.object({ seq: z.number().optional() });
const Options = z.object({ nats: z.string(), load: Load });

/** One turn's writer: what waits to be written, and where its chain stands. */
interface Writer {
  readonly subject: string;
  text: string;
  n: number;
  seq: number;
  isBusy: boolean;
  writtenAt: number;
  timer: NodeJS.Timeout | undefined;
}

function createWriter(turn: number): Writer {
  return { subject: bareSubject(turn), text: "", n: 0, seq: 0, isBusy: false, writtenAt: 0, timer: undefined };
}

async function openBroker(servers: string): Promise<NatsConnection> {
  const nc = await connect({ servers, noAsyncTraces: true });
  const manager = await jetstreamManager(nc);
  await manager.streams.add({
    ...{ name: "BARE", subjects: [bareEvents], storage: StorageType.File, max_age: nanos(600_000), allow_direct: true },
    republish: { src: bareEvents, dest: bareLive },
  });
  return nc;
}

/** One append on its way per writer, each naming the one before it; text that comes meanwhile joins the next. */
function createPump(nc: NatsConnection, flushMs: number) {
  const inbox = createInbox();
  const waiting = new Map<string, Writer>();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let ids = 0;
  let refused = 0;
  const write = (writer: Writer): void => {
    const event = {
      type: "token",
      turn_id: "01JD0000000000000000000000",
      attempt: 1,
      n: writer.n++,
      token: writer.text,
    };
    const expected = headers();
    expected.set("Nats-Expected-Last-Subject-Sequence", String(writer.seq));
    const id = String(ids++);
    waiting.set(id, writer);
    writer.isBusy = true;
    writer.text = "";
    const data = encoder.encode(JSON.stringify(event));
    nc.publish(writer.subject, data, { headers: expected, reply: `${inbox}.${id}` });
  };
  const pump = (writer: Writer): void => {
    if (writer.isBusy || writer.text === "" || writer.timer !== undefined) return;
    const waitMs = writer.n === 0 ? 0 : flushMs - (performance.now() - writer.writtenAt);
    if (waitMs <= 0) return write(writer);
    writer.timer = setTimeout(() => {
      writer.timer = undefined;
      pump(writer);
    }, waitMs);
  };
  nc.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      const id = message.subject.slice(inbox.length + 1);
      const writer = waiting.get(id);
      if (writer === undefined) return;
      waiting.delete(id);
      const { seq } = Ack.parse(JSON.parse(decoder.decode(message.data)));
      if (seq === undefined) refused++;
      else writer.seq = seq;
      writer.isBusy = false;
      writer.writtenAt = performance.now();
      pump(writer);
    },
  });
  return { pump, refused: () => refused };
}

/** The least that keeps the promise. */
await serveRole(Options, async ({ nats, load }) => {
  const { pump, refused } = createPump(await openBroker(nats), load.flushMs);
  const writers = Array.from({ length: load.turns }, (_, turn) => createWriter(turn));
  return {
    async write() {
      await makeTokens(load, (turn, token) => {
        const writer = writers[turn];
        if (writer === undefined) return;
        writer.text += token;
        pump(writer);
      });
      while (writers.some(({ text, isBusy }) => isBusy || text !== "")) await delay(10);
      return { refused: refused() };
    },
  };
});
