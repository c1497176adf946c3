import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { createKnownPeople } from "../src/commands/known-people.ts";

it("remembers the newest record, whichever look-up comes back last", async () => {
  const answers: ((n: number) => void)[] = [];
  const of = () =>
    new Promise((resolve) =>
      answers.push((n) => resolve({ n, people: { owner: { id: "ann" }, members: [], invites: [] } })),
    );
  const step = () => Promise.resolve({ found: [], isWhole: true, isAnew: false });
  const known = createKnownPeople({
    log: createLogger({ service: "test", level: "silent", format: "json" }),
    bus: {
      owners: { ownerOf: () => Promise.resolve({ userId: "ann" }) },
      people: { of, follow: () => ({ step }) },
    } as never,
  });
  const [first, second] = [known.lookUp("c_1"), known.lookUp("c_1")];
  answers[1]?.(2);
  expect((await second)?.n).toBe(2);
  answers[0]?.(1);
  expect((await first)?.n).toBe(2);
  expect(known.peek("c_1")?.n).toBe(2);
  known.close();
});
