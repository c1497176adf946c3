/** Events that are put in by one and read by another, who may be slower, or stop, or never begin. */
export interface EventQueue<Event> {
  readonly push: (event: Event) => void;
  /** What is in it now was there before its reader: only what comes from now on counts as not read in time. */
  readonly begin: () => void;
  /** Ends when the queue is closed, without what was not read; `return` closes it, also while a read waits. */
  readonly reader: AsyncIterableIterator<Event>;
  readonly close: () => void;
}

/** What a reader may be behind: an answer of an hour, token by token. A page that reads at all is never so far behind. */
const mostBehind = 10_000;

type Result<Event> = IteratorResult<Event, undefined>;

/** `onClose`: called once, when nothing more is to be put in. */
export function createEventQueue<Event>(onClose: () => void): EventQueue<Event> {
  let waiting: Event[] = [];
  /** Taken out of `waiting`, which is cut now and then: to shift a long list for each event costs its length. */
  let taken = 0;
  let most = Infinity;
  let isClosed = false;
  let failure: Error | undefined;
  const readings: ((result: Result<Event>) => void)[] = [];
  const end: Result<Event> = { done: true, value: undefined };

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    [waiting, taken] = [[], 0];
    for (const resolve of readings.splice(0)) resolve(end);
    onClose();
  }

  function push(event: Event): void {
    if (isClosed) return;
    const resolve = readings.shift();
    if (resolve !== undefined) return resolve({ done: false, value: event });
    waiting.push(event);
    if (waiting.length - taken <= most) return;
    failure = new Error(`Nobody has read this stream for ${mostBehind} events: it is closed. Open another one.`);
    close();
  }

  function take(): Event | undefined {
    if (taken === waiting.length) return undefined;
    const event = waiting[taken++];
    if (taken < 1_000 && taken < waiting.length) return event;
    waiting = waiting.slice(taken);
    taken = 0;
    return event;
  }

  const reader: AsyncIterableIterator<Event> = {
    next() {
      const value = take();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      const error = failure;
      failure = undefined;
      if (error !== undefined) return Promise.reject(error);
      if (isClosed) return Promise.resolve(end);
      return new Promise((resolve) => readings.push(resolve));
    },
    return() {
      close();
      return Promise.resolve(end);
    },
    [Symbol.asyncIterator]: () => reader,
  };

  return { push, reader, close, begin: () => void (most = waiting.length - taken + mostBehind) };
}
