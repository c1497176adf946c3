import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, test } from "vitest";
import { chunk } from "./fake-provider.ts";
import {
  json,
  data,
  text,
  hello,
  stop,
  done,
  whole,
  stream,
  encoded,
  chunkedHead,
  framed,
  bytesOf,
  outcomeOf,
  type Row,
} from "./stream-outcome.ts";

const forms: Row[] = [
  ["by the book", stream(whole), "Hello, world stop"],
  ["byte by byte", stream(...bytesOf(data(text("Grüße 😀")) + stop + done)), "Grüße 😀 stop"],
  ["lines that end in CRLF", stream(whole.replaceAll("\n", "\r\n")), "Hello, world stop"],
  ["lines that end in CR", stream(whole.replaceAll("\n", "\r")), "Hello, world stop"],
  ["CRLF torn in two", stream(...whole.replaceAll("\n", "\r\n").split(/(?<=\r)/)), "Hello, world stop"],
  [
    "all three line ends",
    stream(`${hello.replace("\n", "\r")}${stop.replaceAll("\n", "\r\n")}${done}`),
    "Hello, world stop",
  ],
  ["a byte order mark", stream(`\ufeff${whole}`), "Hello, world stop"],
  ["a byte order mark torn in two", stream(Buffer.from([0xef]), Buffer.from([0xbb, 0xbf]), whole), "Hello, world stop"],
  ["no space after the colon", stream(whole.replaceAll("data: ", "data:")), "Hello, world stop"],
  ["two spaces after the colon", stream(whole.replaceAll("data: ", "data:  ")), "Hello, world stop"],
  ["spaces behind [DONE]", stream(`${hello}${stop}data: [DONE]  \n\n`), "Hello, world stop"],
  ["[DONE] as a JSON string", stream(`${hello}${stop}data: "[DONE]"\n\n`), "Hello, world stop"],
  ["comments", stream(`: hello\n\n${hello}:\n\n: ping\n${stop}${done}`), "Hello, world stop"],
  ["empty data", stream(`data:\n\n${hello}data: \n\ndata\n\n${stop}${done}`), "Hello, world stop"],
  ["ids and times to reconnect", stream(`retry: 3000\n\nid: 1\n${hello}id\n${stop}${done}`), "Hello, world stop"],
  ["events that have a name", stream(whole.replaceAll("data:", "event: message\ndata:")), "Hello, world stop"],
  ["pings without data", stream(`event: ping\n\n${hello}event: ping\n\n${stop}${done}`), "Hello, world stop"],
  ["pings with data", stream(`event: ping\ndata: {"type": "ping"}\n\n${whole}`), "Hello, world stop"],
  ["pings with data that is no JSON", stream(`event: ping\ndata: now\n\n${hello}${stop}${done}`), "Hello, world stop"],
  ["data that is no JSON", stream(`data: now\n\n${hello}data: ok\n\n${stop}${done}`), "Hello, world stop"],
  [
    "a chunk of 3 MB without text",
    stream(data({ ...chunk({}), images: "x".repeat(3_000_000) }) + whole),
    "Hello, world other",
  ],
  [
    "3 MB about the usage",
    stream(hello + stop + data({ usage: {}, tokens: "x".repeat(3_000_000) }) + done),
    "Hello, world stop",
  ],
  [
    "3 MB in lines",
    stream(hello + `data: {"x": "\n${`data: ${"x".repeat(90)}\n`.repeat(40_000)}\n${stop}${done}`),
    "Hello, world other",
  ],
  ["[done]", stream(`${hello}data: [done]\n\n`), "Hello, world stop"],
  ["[DONE] by itself", stream(`${hello}[DONE]\n\n`), "Hello, world stop"],
  ["an event that says done", stream(`${hello}event: done\ndata: {}\n\n`), "Hello, world stop"],
  ["a comma too many", stream(whole.replaceAll("]}", "],}")), "Hello, world stop"],
  ["a broken chunk", stream(`${hello}data: {"choices": [{"del\n\n${stop}${done}`), "Hello, world other"],
  ["a broken chunk after the finish_reason", stream(`${hello}${stop}data: {"ch\n\n${done}`), "Hello, world stop"],
  [
    "a broken chunk after `length`",
    stream(`${hello}data: {"ch\n\n${data(chunk({}, "length"))}`),
    "Hello, world length",
  ],
  [
    "a broken chunk, and a stop in every chunk",
    stream(data(chunk({ content: "a" }, "stop")), 'data: {"ch\n\n', data(chunk({ content: "b" }, "stop"))),
    "ab other",
  ],
  ["a broken line of JSON", stream(`${json(text("a"))}\n{"choi\n${json(chunk({}, "stop"))}\n`), "a other"],
  [
    "numbers that JSON has not",
    stream(`${hello}data: {"x":[NaN,-Infinity],"y":Infinity,${json(chunk({ content: "!NaN" }, "stop")).slice(1)}\n\n`),
    "Hello, world!NaN stop",
  ],
  ["a raw tab in a string", stream(whole.replace("Hello, ", "Hello,\t")), "Hello,\tworld stop"],
  ["a raw line feed in a string", stream(whole.replace("Hello, ", "Hello,\n")), "Hello,\nworld stop"],
  ["a raw line feed, each line as data", stream(whole.replace("Hello, ", "Hello,\ndata: ")), "Hello,\nworld stop"],
  ["an escaped apostrophe", stream(whole.replace("Hello, ", "Hello\\'s ")), "Hello's world stop"],
  ["`data:` twice", stream(whole.replaceAll("data:", "data: data:")), "Hello, world stop"],
  ["a byte order mark for each event", stream(whole.replaceAll("data:", "\ufeffdata:")), "Hello, world stop"],
  ["spaces in front of each line", stream(whole.replaceAll("data:", "  data:")), "Hello, world stop"],
  ["line ends in letters", stream(whole.replaceAll("\n\n", "\\n\\n\n\n")), "Hello, world stop"],
  [
    "chunks in a row",
    stream(`data: ${json(text("Hello, "))}${json(text("{world}"))}\n\n${stop}${done}`),
    "Hello, {world} stop",
  ],
  ["events in a row", stream(`${whole.replaceAll("\n\n", "")}\n\n`), "Hello, world stop"],
  [
    "chunks as JSON in a string",
    stream(whole.replaceAll(/data: (\{.*\})/g, (_all, one) => `data: ${JSON.stringify(one)}`)),
    "Hello, world stop",
  ],
  ["lists of a chunk", stream(whole.replaceAll(/data: (\{.*\})/g, "data: [$1]")), "Hello, world stop"],
  ["JSON that is no object", stream(`data: 1\n\ndata: null\n\ndata: "x"\n\ndata: []\n\n${whole}`), "Hello, world stop"],
  ["an unknown field", stream(`speed: 3\n${hello}foo\n${stop}${done}`), "Hello, world stop"],
  ["no blank lines", stream(whole.replaceAll("\n\n", "\n")), "Hello, world stop"],
  [
    "no blank lines, and one event that is no JSON",
    stream(`data: {\n${whole.replaceAll("\n\n", "\n")}`),
    "Hello, world other",
  ],
  ["many blank lines", stream(whole.replaceAll("\n\n", "\n\n\n\n")), "Hello, world stop"],
  [
    "data of several lines",
    stream(
      `${hello}${JSON.stringify(chunk({ content: "!" }, "stop"), null, 2).replaceAll(/^/gm, "data: ")}\n\n${done}`,
    ),
    "Hello, world! stop",
  ],
  ["no blank line at the end", stream(`${hello}${stop}data: [DONE]`), "Hello, world stop"],
  ["the last event without its line end", stream(`${hello}${stop.trimEnd()}`), "Hello, world stop"],
  ["a line of 1.5 MB", stream(data(text("a".repeat(1_500_000))), stop + done), `${"a".repeat(1_500_000)} stop`],
  [
    "bytes that are not UTF-8",
    stream("data: ", Buffer.from(json(text("a\u00ff")), "latin1"), `\n\n${stop}${done}`),
    "a� stop",
  ],
  ["text in front of the events", stream(`OK\n\n${whole}`), "Hello, world stop"],
  [
    "another content type",
    { head: "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close", pieces: [whole] },
    "Hello, world stop",
  ],
  ["lines of JSON without `data:`", stream(whole.replaceAll("data: ", "").replace("[DONE]", "")), "Hello, world stop"],
];

const transports: Row[] = [
  [
    "one HTTP chunk for each event",
    { head: chunkedHead, pieces: [framed(hello), framed(stop), framed(done), "0\r\n\r\n"] },
    "Hello, world stop",
  ],
  [
    "HTTP chunks of a byte",
    { head: chunkedHead, pieces: [Array.from(whole, framed).join(""), "0\r\n\r\n"] },
    "Hello, world stop",
  ],
  [
    "chunks torn over reads",
    { head: chunkedHead, pieces: bytesOf(`${framed(hello)}${framed(stop + done)}0\r\n\r\n`) },
    "Hello, world stop",
  ],
  ["a length", { head: `HTTP/1.1 200 OK\r\ncontent-length: ${whole.length}`, pieces: [whole] }, "Hello, world stop"],
  ["HTTP 1.0", { head: "HTTP/1.0 200 OK", pieces: [whole] }, "Hello, world stop"],
  ["status 201", { head: "HTTP/1.1 201 Created\r\nconnection: close", pieces: [whole] }, "Hello, world stop"],
  ["gzip", encoded("gzip", gzipSync(whole)), "Hello, world stop"],
  ["deflate", encoded("deflate", deflateSync(whole)), "Hello, world stop"],
  ["deflate without its head", encoded("deflate", deflateRawSync(whole)), "Hello, world stop"],
  ["deflate that is none", encoded("deflate", Buffer.alloc(90, 0xff)), " MODEL_TRUNCATED!"],
  ["brotli", encoded("br", brotliCompressSync(whole)), "Hello, world stop"],
  ["two encodings", encoded("deflate, gzip", gzipSync(deflateSync(whole))), "Hello, world stop"],
  ["an unknown encoding of plain bytes", encoded("zz", Buffer.from(whole)), "Hello, world stop"],
  ["gzip that is cut off", encoded("gzip", gzipSync(whole + "x".repeat(5_000)).subarray(0, 200)), "Hello, world stop"],
];

const ends: Row[] = [
  ["[DONE] without finish_reason", stream(hello + done), "Hello, world stop"],
  ["[DONE], and the connection stays open", { pieces: [whole], after: "stay open" }, "Hello, world stop"],
  ["[DONE], and a reset", { pieces: [whole], after: "reset" }, "Hello, world stop"],
  ["[DONE], and more behind it", stream(`${whole}${data(text("more"))}`), "Hello, world stop"],
  ["a finish_reason, and a clean end", stream(hello + stop), "Hello, world stop"],
  ["a finish_reason, and a reset", { pieces: [hello + stop, 30], after: "reset" }, "Hello, world stop"],
  ["a finish_reason, and then nothing", { pieces: [hello + stop], after: "stay open" }, "Hello, world stop"],
  [
    "a finish_reason, and then comments for ever",
    { pieces: [hello + stop, 100, ": x\n\n", 100, ": x\n\n"], after: "stay open" },
    "Hello, world stop",
  ],
  ["a finish_reason, and an error", stream(hello + stop + data({ error: { message: "late" } })), "Hello, world stop"],
  [
    "a finish_reason, and a line without end",
    stream(hello + stop, `data: ${"x".repeat(2_200_000)}`),
    "Hello, world stop",
  ],
  [
    "text after the finish_reason",
    stream(data(text("Hello, ")) + stop, 120, data(text("world")) + done),
    "Hello, world stop",
  ],
  [
    "a finish_reason in every chunk",
    stream(...["one ", "two ", "three"].flatMap((word) => [data(chunk({ content: word }, "stop")), 100]), done),
    "one two three stop",
  ],
  [
    "a finish_reason in every chunk, and a reset in the middle",
    { pieces: [data(chunk({ content: "one " }, "stop")), data(chunk({ content: "two" }, "stop")), 30], after: "reset" },
    "one two MODEL_TRUNCATED!",
  ],
  ["a clean end without either", stream(hello), "Hello, world MODEL_TRUNCATED!"],
  ["a reset without either", { pieces: [hello, 30], after: "reset" }, "Hello, world MODEL_TRUNCATED!"],
  ["a clean end in the middle of an event", stream(`${hello}data: {"choices":[{"del`), "Hello, world MODEL_TRUNCATED!"],
  ["a chunked body without its end", { head: chunkedHead, pieces: [framed(hello)] }, "Hello, world MODEL_TRUNCATED!"],
  [
    "a body shorter than its length",
    { head: "HTTP/1.1 200 OK\r\ncontent-length: 9999", pieces: [hello] },
    "Hello, world MODEL_TRUNCATED!",
  ],
  [
    "stray bytes behind a body of a known length",
    {
      head: `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${whole.length}\r\n\r\n${whole}xx`,
      pieces: [],
      after: "stay open",
    },
    "Hello, world stop",
  ],
  [
    "stray bytes behind an error's body",
    {
      head: 'HTTP/1.1 400 No\r\ncontent-length: 44\r\n\r\n{"error":{"code":"context_length_exceeded"}}xx',
      pieces: [],
      after: "stay open",
    },
    " CONTEXT_TOO_LARGE",
  ],
  ["silence in the middle", { pieces: [hello], after: "stay open" }, "Hello, world MODEL_TIMEOUT!"],
  [
    "a stop in every chunk, and then silence",
    {
      pieces: [data(chunk({ content: "Hello, " }, "stop")), data(chunk({ content: "world" }, "stop"))],
      after: "stay open",
    },
    "Hello, world MODEL_TIMEOUT!",
  ],
  [
    "a body that is broken in the packet of its head",
    { head: `${chunkedHead}\r\n\r\nZZ`, pieces: [], after: "stay open" },
    " MODEL_TRUNCATED!",
  ],
  [
    "the same of an error",
    { head: `${chunkedHead.replace("200 OK", "500 No")}\r\n\r\nZZ`, pieces: [], after: "stay open" },
    " MODEL_UNAVAILABLE!",
  ],
  ["nothing but comments, and a clean end", stream(": a\n\n: b\n\n"), " MODEL_TRUNCATED!"],
  ["a line without end", stream(hello, `data: ${"x".repeat(2_200_000)}`), "Hello, world MODEL_TRUNCATED!"],
  [
    "lines of an event without end",
    stream(hello, `data: ${"x".repeat(999)}\n`.repeat(2_200)),
    "Hello, world MODEL_TRUNCATED!",
  ],
];

describe.each([
  ["an event stream with", forms],
  ["HTTP with", transports],
  ["an end with", ends],
])("%s", (_name, rows) => {
  test.concurrent.for(rows)("%s", async ([, answer, expected], { expect }) => {
    expect(await outcomeOf(answer)).toBe(expected);
  });
});
