/** Runs `work` on each item, at most `width` at a time. Results come in the order of the items. */
export async function runInParallel(items, width, work) {
  const results = [];
  const waiting = items.entries();
  const lanes = Array.from({ length: Math.min(width, items.length) }, async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  });
  await Promise.all(lanes);
  return results;
}
