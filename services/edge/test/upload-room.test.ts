import { describe, expect, it } from "vitest";
import { takeRoom } from "../src/transport/upload-room.ts";

describe("room for files that are being sent", () => {
  const from = (address: string, isExempt = false) => {
    const gone: (() => void)[] = [];
    const free = takeRoom({
      whence: { address, isExempt },
      onGone: (listener) => void gone.push(() => listener("client")),
    });
    return { free, leave: () => gone.forEach((tell) => tell()) };
  };

  it("is a part of it for each address, all of it for nobody, and is given back once however an upload ends", () => {
    const slow = Array.from({ length: 6 }, () => from("10.0.0.1"));
    expect(slow.map(({ free }) => free !== undefined)).toEqual([true, true, true, true, false, false]);
    const other = from("10.0.0.2");
    expect(other.free).toBeDefined();
    const exempt = Array.from({ length: 12 }, () => from("10.0.0.3", true));
    expect(exempt.filter(({ free }) => free !== undefined)).toHaveLength(11);
    expect(from("10.0.0.4").free).toBeUndefined();

    slow[0]?.leave();
    slow[0]?.free?.();
    const again = from("10.0.0.1");
    expect(again.free).toBeDefined();
    expect(from("10.0.0.1").free).toBeUndefined();
    for (const { free } of [again, other, ...slow, ...exempt]) free?.();
    expect(from("10.0.0.1").free).toBeDefined();
  });
});
