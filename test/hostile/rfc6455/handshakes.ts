import { handshake, type HandshakeParts } from "../wire/handshake.ts";

/** A status; "cut": no answer, and the connection ends. */
type Answer = number | "cut";

export interface HandshakeCase {
  readonly name: string;
  /** Of RFC 6455, or of RFC 9112 (HTTP). */
  readonly section: string;
  readonly request: string;
  /** Any of these. */
  readonly gives: readonly Answer[];
  /** What the RFC wants instead, and why this will do. */
  readonly deviates?: string;
}

function inSection(section: string) {
  return (name: string, parts: HandshakeParts, gives: Answer, deviates?: string): HandshakeCase => ({
    name,
    section,
    request: handshake(parts),
    gives: [gives],
    ...(deviates === undefined ? {} : { deviates }),
  });
}

const server = inSection("4.2.1");

const asked: readonly HandshakeCase[] = [
  server("as it should be", {}, 101),
  server("no key", { headers: { "Sec-WebSocket-Key": null } }, 404),
  server("an empty key", { headers: { "Sec-WebSocket-Key": "" } }, 404),
  server("a key that is too short", { headers: { "Sec-WebSocket-Key": "dGhl" } }, 404),
  server("a key that is no base64", { headers: { "Sec-WebSocket-Key": "!".repeat(24) } }, 400),
  server("a key of 17 bytes", { headers: { "Sec-WebSocket-Key": Buffer.alloc(17, 1).toString("base64") } }, 400),
  server("no version", { headers: { "Sec-WebSocket-Version": null } }, 426),
  server("version 8", { headers: { "Sec-WebSocket-Version": "8" } }, 426),
  server("version 99", { headers: { "Sec-WebSocket-Version": "99" } }, 426),
  server("no Upgrade", { headers: { Upgrade: null } }, 400),
  server("Upgrade: h2c", { headers: { Upgrade: "h2c" } }, 400),
  server("Upgrade in capitals", { headers: { Upgrade: "WebSocket" } }, 101),
  server("no Connection", { headers: { Connection: null } }, 400),
  server("Connection: keep-alive", { headers: { Connection: "keep-alive" } }, 400),
  server("Connection: keep-alive, Upgrade", { headers: { Connection: "keep-alive, Upgrade" } }, 101),
  server("Connection: not-an-upgrade", { headers: { Connection: "not-an-upgrade" } }, 400),
  server("Connection in two lines", { headers: { Connection: "keep-alive", connection: "Upgrade" } }, 101),
  server("header names in small letters", { headers: { Upgrade: null, upgrade: "websocket" } }, 101),
  server("header names in capitals", { headers: { Upgrade: null, UPGRADE: "WEBSOCKET" } }, 101),
  server("POST", { first: "POST /ws/chat HTTP/1.1", headers: { "Content-Length": "0" } }, 404),
  server("a method in small letters", { first: "get /ws/chat HTTP/1.1" }, 404),
  server("HTTP/1.0", { first: "GET /ws/chat HTTP/1.0" }, 505),
  server("HTTP/2.0", { first: "GET /ws/chat HTTP/2.0" }, 505),
  server("no Host", { headers: { Host: null } }, 400),
  server("two keys", { headers: { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" } }, 101),
  server(
    "an address in full",
    { first: "GET http://edge/ws/chat HTTP/1.1" },
    505,
    "Only a proxy is asked so; an edge is none.",
  ),
];

const choice = inSection("4.2.2");
const extension = inSection("9.1");
const offered = "permessage-deflate; client_max_window_bits";

const chosen: readonly HandshakeCase[] = [
  choice("subprotocols nobody knows", { headers: { "Sec-WebSocket-Protocol": "chat, superchat" } }, 101),
  choice("our subprotocol among others", { headers: { "Sec-WebSocket-Protocol": "x, parley.v1,y" } }, 101),
  choice("an empty subprotocol", { headers: { "Sec-WebSocket-Protocol": "" } }, 101),
  choice("an endpoint that is none", { first: "GET /ws/nothing HTTP/1.1" }, 404),
  extension("an extension that we do without", { headers: { "Sec-WebSocket-Extensions": offered } }, 101),
  extension("an extension nobody knows", { headers: { "Sec-WebSocket-Extensions": 'x-nobody; a="b"' } }, 101),
  inSection("10.2")("the page of another site", { headers: { Origin: "https://evil.example" } }, 403),
  inSection("10.2")("a page without an origin", { headers: { Origin: "null" } }, 403),
];

const http = inSection("9112");
const both = { "Content-Length": "0", "Transfer-Encoding": "chunked" };

const asItComes =
  "The limit of 4 KB holds for a head that comes in several reads; one that comes at once is read as it is.";

const lines: readonly HandshakeCase[] = [
  http("an empty Host", { headers: { Host: "" } }, 101),
  http("an empty header name", { headers: { "": "x" } }, 101, "A header that nobody reads."),
  http("NUL in the address", { first: "GET /ws/chat\0 HTTP/1.1" }, 505, "400 would be the word for it."),
  http(
    "lines that end with LF alone",
    { first: "GET /ws/chat HTTP/1.1\nX-Line: x" },
    505,
    "400 would be the word for it.",
  ),
  http("both Content-Length and Transfer-Encoding", { headers: both }, 400),
  http("a header of 3 KB", { headers: { "X-Long": "x".repeat(3_000) } }, 101),
  ...[
    http("a header of 20 KB", { headers: { "X-Long": "x".repeat(20_000) } }, 431, asItComes),
    http("an address of 20 KB", { first: `GET /ws/chat?${"x".repeat(20_000)} HTTP/1.1` }, 431, asItComes),
  ].map((one) => ({ ...one, gives: [431, 101] })),
  { name: "no HTTP at all", section: "9112", request: "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", gives: [505, 400] },
];

/** The registry's build of uWebSockets.js takes these for a head that is not whole yet, and gives up after some ten seconds; the official one refuses at once. */
const unfinished = (
  [
    ["a header in two lines", { "X-Folded": "one\r\n two" }],
    ["a space before the colon", { "X-Space ": "x" }],
    ["a header without a colon", { "X-Nothing\r\nX-Other": "x" }],
    ["NUL in a header", { "X-Nul": "a\0b" }],
  ] as const
).map(([name, headers]): HandshakeCase => ({
  ...http(name, { headers }, "cut", "400 at once would be better, and is what the image's build answers."),
  gives: ["cut", 400],
}));

export const handshakes = [...asked, ...chosen, ...lines, ...unfinished];
