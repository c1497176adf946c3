import { expect, it } from "vitest";
import { handshakeRefusal } from "../src/transport/handshake.ts";

const whole: readonly (readonly [string, string])[] = [
  ["upgrade", "websocket"],
  ["connection", "Upgrade"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
];

function statusOf(...lines: readonly (readonly [string, string])[]): number | undefined {
  const names = lines.map(([name]) => name);
  const all = [...lines, ...whole.filter(([name]) => !names.includes(name))];
  return handshakeRefusal({
    getHeader: (name) => all.find(([other]) => other === name)?.[1] ?? "",
    forEach: (take) => all.forEach(([name, value]) => take(name, value)),
  })?.status;
}

it.each([
  ["all of it", [], undefined],
  ["Upgrade: h2c", [["upgrade", "h2c"]], 400],
  ["Upgrade: h2c, WebSocket", [["upgrade", "h2c, WebSocket"]], undefined],
  ["no Connection", [["connection", ""]], 400],
  ["Connection: no-upgrade", [["connection", "no-upgrade"]], 400],
  [
    "Connection in two lines",
    [
      ["connection", "keep-alive"],
      ["connection", "upgrade"],
    ],
    undefined,
  ],
  ["version 8", [["sec-websocket-version", "8"]], 426],
  ["a key of 15 bytes", [["sec-websocket-key", Buffer.alloc(15).toString("base64").padEnd(24, "=")]], 400],
] as const)("%s", (_name, lines, status) => {
  expect(statusOf(...lines)).toBe(status);
});
