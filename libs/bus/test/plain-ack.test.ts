import fc from "fast-check";
import { streams } from "@parley/protocol";
import { expect, it } from "vitest";
import { plainAckSeq } from "../src/appender.ts";

it("reads the sequence of an acknowledgement as brokers write it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e14 }),
      fc.constantFrom(streams.events(0), streams.log(12), streams.turns),
      (seq, stream) => {
        expect(plainAckSeq(JSON.stringify({ stream, seq }))).toBe(seq);
        expect(plainAckSeq(`{"stream":"${stream}", "seq":${seq}}`)).toBe(seq);
      },
    ),
  );
});

it.each([
  '{"stream":"S","seq":7,"duplicate":true}',
  '{"stream":"S","domain":"hub","seq":7}',
  '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 7"},"stream":"S","seq":0}',
  '{"stream":"S","seq":-1}',
  '{"stream":"S","seq":12345678901234567}',
  '{"stream":"S","seq":7',
  "",
])("leaves an unusual one to JSON: %s", (text) => {
  expect(plainAckSeq(text)).toBeUndefined();
});
