/** What was started, so that a failure half way leaves nothing running either. */
export interface Belongings {
  own<T extends AsyncDisposable>(starting: Promise<T>): Promise<T>;
  defer(release: () => Promise<void>): void;
  /** The last one first. */
  release(): Promise<void>;
}

export function createBelongings(): Belongings {
  const releases: (() => Promise<void>)[] = [];
  return {
    async own(starting) {
      const started = await starting;
      releases.push(async () => started[Symbol.asyncDispose]());
      return started;
    },
    defer: (release) => void releases.push(release),
    async release() {
      for (let release = releases.pop(); release !== undefined; release = releases.pop()) await release();
    },
  };
}
