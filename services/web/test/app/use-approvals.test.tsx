// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import type { OpenApproval } from "../../src/api/answers.ts";
import { useOthersApprovals } from "../../src/app/use-approvals.ts";
import { closeRendered, rendered } from "../message/rendered.tsx";

afterEach(closeRendered);

function Approvals() {
  const { items, reload } = useOthersApprovals(true);
  return <button onClick={reload}>{items === undefined ? "unknown" : String(items.length)}</button>;
}

test("a server that answers more slowly than it is asked is believed, the latest answer most", async () => {
  const answers: ((items: readonly OpenApproval[]) => void)[] = [];
  const openApprovals = () => new Promise<readonly OpenApproval[]>((resolve) => answers.push(resolve));
  const page = await rendered(<Approvals />, { openApprovals });
  await page.press("unknown");
  await page.press("unknown");
  expect(answers.length).toBe(3);
  await page.acting(() => answers[1]?.([{}, {}] as unknown as OpenApproval[]));
  expect(page.has("2")).toBe(true);
  await page.acting(() => answers[0]?.([]));
  expect(page.has("2")).toBe(true);
  await page.acting(() => answers[2]?.([{}] as unknown as OpenApproval[]));
  expect(page.has("1")).toBe(true);
});
