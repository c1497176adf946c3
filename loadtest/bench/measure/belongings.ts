/** What a run has started, let go of in reverse order, however it ends. */
export async function withBelongings<T>(
  work: (own: <R extends AsyncDisposable>(starting: Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const belongings: AsyncDisposable[] = [];
  try {
    return await work(async (starting) => {
      const started = await starting;
      belongings.push(started);
      return started;
    });
  } finally {
    for (const each of belongings.toReversed()) await each[Symbol.asyncDispose]();
  }
}
