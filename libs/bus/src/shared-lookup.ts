/** Asks once at a time. Who comes while an answer is under way shares the next one: it must not be older than the question. */
export function createSharedLookup<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;

  const askNext = (): Promise<T> => {
    next = undefined;
    const answer = ask();
    running = answer.catch(() => undefined);
    return answer;
  };
  return () => (next ??= running.then(askNext));
}
