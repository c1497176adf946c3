import { subjects } from "@parley/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isKnownSeal, isSealed, isSealedWith, newDataKey, openData, sealBytes, sealData } from "../src/seal-format.ts";
import { createSealPlaces } from "../src/seal-places.ts";

const place = Buffer.from("ev.c1.t1.a");
const key = newDataKey();

it("what is sealed is opened as it was, whatever it is, and nothing is added but the seal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4_096 }), fc.string(), (data, where) => {
      const at = Buffer.from(where);
      const sealed = sealData(key, at, data);
      expect(sealed.length).toBe(data.length + sealBytes);
      expect(isSealed(sealed) && isKnownSeal(sealed) && isSealedWith(sealed, key)).toBe(true);
      expect(openData(key, at, sealed)).toEqual(Buffer.from(data));
    }),
  );
});

it("with any byte changed, cut or moved it is not opened", () => {
  const sealed = sealData(key, place, Buffer.from('{"type":"token","token":"hello"}'));
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i] = (changed[i] ?? 0) ^ 1;
    const isOpened =
      isSealed(changed) && isKnownSeal(changed) && isSealedWith(changed, key) && openData(key, place, changed);
    expect(isOpened || undefined, `byte ${i}`).toBe(undefined);
  }
  expect(openData(key, place, sealed.subarray(0, -1))).toBe(undefined);
  expect(openData(key, Buffer.from("ev.c1.t2.a"), sealed)).toBe(undefined);
  expect(openData(newDataKey(), place, sealed)).toBe(undefined);
});

it("the same is never sealed alike: ten thousand nonces, none twice", () => {
  const data = Buffer.from("{}");
  const sealed = Array.from({ length: 10_000 }, () => sealData(key, place, data).toString("base64"));
  expect(new Set(sealed).size).toBe(sealed.length);
});

it("no JSON and no text is taken for sealed", () => {
  for (const text of ['{"type":"token"}', "{}", "", "ა", `ა${"x".repeat(100)}`]) {
    const data = Buffer.from(text);
    expect(isSealed(data) && isKnownSeal(data), text).toBe(false);
  }
});

it.each([
  [subjects.turns("c1"), "c:c1", "turns.c1"],
  [subjects.agent(3, "c1", "t1"), "c:c1", "ev.c1.t1.a"],
  // A live copy has the seal of the stored one, in whatever shard.
  [subjects.liveOf(0, "c1").replace(">", "t1.a"), "c:c1", "ev.c1.t1.a"],
  [subjects.titleEvent(0, "c1"), "c:c1", "ev.c1.title"],
  [subjects.fact(0, "c1", "t1", { kind: "asked", call: "t1-0-0" }), "c:c1", "fact.c1.t1.asked.t1-0-0"],
  [subjects.log(0, "c1"), "c:c1", "log.c1"],
  [subjects.people(0, "c1"), "c:c1", "people.c1"],
  [subjects.change(0, "c1", "m1"), "c:c1", "change.c1.m1"],
  // How far somebody has read names them.
  [subjects.read(0, "c1", "u1"), "c:c1", "read.c1.u1"],
  [subjects.memory("h1"), "u:h1", "memory.h1"],
  [subjects.documentPart("t1", "v1", 0), "t:t1", "document.t1.part.v1.0"],
  [subjects.audit("run", "t1", "c1"), "t:t1", "audit.run.t1.c1"],
  [subjects.auditAdmin("block"), "t:_", "audit.admin.block"],
  [subjects.workshopDay("t1", "2027-01-31"), "t:t1", "workshop.day.t1.2027-01-31"],
  [subjects.file("file_u1"), "n:file_u1", "file.u.file_u1"],
])("%s is sealed with the key of %s, for its place", (subject, scope, bound) => {
  const found = createSealPlaces()(subject);
  expect(found).toMatchObject({ scope, isRaw: subject.includes(".part.") });
  expect(found?.place.toString()).toBe(bound);
});

it.each([
  ...[subjects.owner(0, "c1"), subjects.usage("t", "u"), subjects.revoked("h")],
  ...[subjects.key("h"), subjects.token("h"), subjects.workshopId, subjects.fileLink("c1", "f1")],
  ...[subjects.fileChunk("x"), subjects.canary("p")],
])("%s has no words, and is stored as it is", (subject) => {
  expect(createSealPlaces()(subject)).toBe(undefined);
});
