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
  ["chat.turns.c1", "c:c1", "turns.c1"],
  ["chat.ev.3.c1.t1.a", "c:c1", "ev.c1.t1.a"],
  // A live copy has the seal of the stored one, in whatever shard.
  ["chat.live.0.c1.t1.a", "c:c1", "ev.c1.t1.a"],
  ["chat.ev.0.c1.title", "c:c1", "ev.c1.title"],
  ["chat.fact.0.c1.t1.asked.t1-0-0", "c:c1", "fact.c1.t1.asked.t1-0-0"],
  ["chat.log.0.c1", "c:c1", "log.c1"],
  ["chat.people.0.c1", "c:c1", "people.c1"],
  ["chat.change.0.c1.m1", "c:c1", "change.c1.m1"],
  ["chat.memory.h1", "u:h1", "memory.h1"],
  ["chat.document.t1.part.v1.0", "t:t1", "document.t1.part.v1.0"],
  ["chat.audit.run.t1.c1", "t:t1", "audit.run.t1.c1"],
  ["chat.audit.admin.block", "t:_", "audit.admin.block"],
  ["chat.workshop.day.t1.2027-01-31", "t:t1", "workshop.day.t1.2027-01-31"],
  ["chat.file.u.file_1", "n:file_1", "file.u.file_1"],
])("%s is sealed with the key of %s, for its place", (subject, scope, bound) => {
  const found = createSealPlaces()(subject);
  expect(found).toMatchObject({ scope, isRaw: subject.includes(".part.") });
  expect(found?.place.toString()).toBe(bound);
});

it.each([
  ...["chat.owner.0.c1", "chat.read.0.c1.u1", "chat.usage.t.u", "chat.gate.revoked.h", "chat.key.h", "chat.token.h"],
  ...["chat.workshop.id", "chat.filein.c1.f1", "$O.parley_files.C.x", "chat.canary.p"],
])("%s has no words, and is stored as it is", (subject) => {
  expect(createSealPlaces()(subject)).toBe(undefined);
});
