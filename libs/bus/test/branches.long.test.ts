import { limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { turnRecord } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

it("what is further back than people look is not found, and is read as one path", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  const conversation_id = "long";
  const count = limits.branchRecords + 20;
  for (let at = 0; at < count; at++) {
    const parent = at === count - 1 ? { parent: `t${at - 3}` } : {};
    await transcripts.append(turnRecord(`t${at}`, { conversation_id, ...parent }));
  }
  expect(await transcripts.placeOf(conversation_id, "t3")).toBeUndefined();
  expect(await transcripts.placeOf(conversation_id, `t${count - 100}`)).toMatchObject({ parent: `t${count - 101}` });
  const all = await transcripts.path(conversation_id, { limit: 6 });
  const expected = [count - 5, count - 4, count - 1].map((at) => `t${at}`);
  expect(all?.turns.map(({ turn_id }) => turn_id)).toEqual(expected);
});
