import { connect } from "node:net";
import { once } from "node:events";
import { eventually, type Broker } from "@parley/testkit";
import { passwordOf, type Role } from "./nats-with-roles.ts";

/** NATS by hand: it can try what no client library would send, and hears each word of the broker. */
export type PlainNats = {
  /** What the broker said to this publish: its refusal, or undefined. */
  refusalOf(subject: string, options?: { reply?: string; payload?: string }): Promise<string | undefined>;
  /** What the broker said to this subscription: its refusal, or undefined. */
  subscribe(subject: string): Promise<string | undefined>;
  /** The first answer to a request. Throws when nobody serves that subject in the account of this user. */
  ask(subject: string, payload?: string): Promise<string>;
  /** The subjects of all messages that came. */
  heard(): string[];
  [Symbol.asyncDispose](): Promise<void>;
};

/** Signs in as a role, or as nobody. */
export async function plainNats(broker: Broker, role?: Role): Promise<PlainNats> {
  const socket = connect({ host: "127.0.0.1", port: broker.port });
  let heard = "";
  socket.setEncoding("latin1").on("data", (text: string) => (heard += text));
  const closed = once(socket, "close");
  socket.on("error", () => undefined);
  let subscriptions = 0;

  /** Everything the broker says until it has handled these lines. */
  const say = async (lines: string): Promise<string> => {
    const from = heard.length;
    socket.write(`${lines}PING\r\n`);
    await eventually(() => heard.indexOf("PONG\r\n", from) !== -1 || socket.closed, { what: "the broker's PONG" });
    return heard.slice(from);
  };
  const refusalIn = (text: string): string | undefined => /^-ERR '(.*)'/m.exec(text)?.[1];
  const publish = (subject: string, reply: string, payload: string): string =>
    `PUB ${subject} ${reply} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`;

  const user = role === undefined ? {} : { user: role, pass: passwordOf(role) };
  const greeting = await say(
    `CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, ...user })}\r\n`,
  );
  const refusal = refusalIn(greeting);
  if (refusal !== undefined) throw new Error(refusal);
  return {
    refusalOf: async (subject, { reply = "", payload = "x" } = {}) =>
      refusalIn(await say(publish(subject, reply, payload))),
    subscribe: async (subject) => refusalIn(await say(`SUB ${subject} ${++subscriptions}\r\n`)),
    async ask(subject, payload = "") {
      const inbox = `_INBOX.plain-${++subscriptions}`;
      // The head, NATS headers if there are any, one line of text.
      const answer = new RegExp(
        `^H?MSG ${inbox} [^\\r\\n]*\\r\\n(?:NATS/1.0[^]*?\\r\\n\\r\\n)?([^\\r\\n]*)\\r\\n`,
        "m",
      );
      await say(`SUB ${inbox} ${subscriptions}\r\n${publish(subject, inbox, payload)}`);
      await eventually(() => answer.test(heard), { what: `an answer on ${subject}` });
      const [whole = "", text = ""] = answer.exec(heard) ?? [];
      if (whole.includes("NATS/1.0 503")) throw new Error(`nobody serves ${subject}`);
      return text;
    },
    heard: () => [...heard.matchAll(/^H?MSG (\S+) /gm)].map(([, subject = ""]) => subject),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await closed;
    },
  };
}
