import fc from "fast-check";
import { expect, it } from "vitest";
import { plainAckSeq } from "../src/appender.ts";

it("reads the sequence of an acknowledgement as brokers write it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 }), fc.constantFrom("EV_0", "LOG_12", "TURNS"), (seq, stream) => {
      expect(plainAckSeq(JSON.stringify({ stream, seq }))).toBe(seq);
      expect(plainAckSeq(`{"stream":"${stream}", "seq":${seq}}`)).toBe(seq);
    }),
  );
});

it.each([
  '{"stream":"EV_0","seq":7,"duplicate":true}',
  '{"stream":"EV_0","domain":"hub","seq":7}',
  '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 7"},"stream":"EV_0","seq":0}',
  '{"stream":"EV_0","seq":-1}',
  '{"stream":"EV_0","seq":12345678901234567}',
  '{"stream":"EV_0","seq":7',
  "",
])("leaves an unusual one to JSON: %s", (text) => {
  expect(plainAckSeq(text)).toBeUndefined();
});
