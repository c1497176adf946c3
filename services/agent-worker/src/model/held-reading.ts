import type { Socket } from "node:net";

/** What a socket is read by. */
interface ReadHandle {
  readStart(): unknown;
  readStop(): unknown;
}

function isReadHandle(value: unknown): value is ReadHandle {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "readStart") === "function" && typeof Reflect.get(value, "readStop") === "function";
}

/**
 * Node has no public way to read nothing: `pause` takes one more piece first, and at a token each that is half of what is to be saved. A socket whose
 * handle is another, or gone, is simply read as it comes.
 */
function handleOf(socket: Socket): ReadHandle | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  return isReadHandle(handle) ? handle : undefined;
}

/** Far below what anybody sees, and many of hundreds of streams in it. */
const gridMs = 10;

/**
 * Calls at common times: what is read and written at one of them shares wake-ups and system calls here, at the broker and at the edges. One timer for
 * all that wait.
 */
function createCommonTimes() {
  const waiting = new Map<number, Set<() => void>>();
  let timer: NodeJS.Timeout | undefined;
  let next = Infinity;

  const wait = (): void => {
    const first = Math.min(...waiting.keys());
    if (first >= next) return;
    clearTimeout(timer);
    next = first;
    timer = setTimeout(call, Math.ceil(first * gridMs - performance.now()));
  };
  const call = (): void => {
    next = Infinity;
    const now = performance.now();
    for (const [time, calls] of waiting) {
      if (time * gridMs > now) continue;
      waiting.delete(time);
      for (const one of calls) one();
    }
    wait();
  };

  return {
    /** At the first common time that is not before `ms` are over. Returns how to take it back. */
    after(ms: number, then: () => void): () => void {
      const time = Math.ceil((performance.now() + ms) / gridMs);
      const calls = waiting.get(time) ?? new Set();
      waiting.set(time, calls.add(then));
      wait();
      return () => {
        calls.delete(then);
      };
    },
  };
}

/**
 * Reads connections in larger pieces: each read costs some 40 us from the kernel to the text, however little it brings. A socket does not know that it
 * is held, so it is read again in any case: when the time is over, or when it is released.
 */
export function createHeldReadings() {
  const times = createCommonTimes();

  return (socket: Socket) => {
    let takeBack: (() => void) | undefined;
    let isOver = false;

    const goOn = (): void => {
      takeBack = undefined;
      handleOf(socket)?.readStart();
    };

    return {
      hold(ms: number): void {
        const handle = handleOf(socket);
        if (isOver || takeBack !== undefined || handle === undefined) return;
        handle.readStop();
        takeBack = times.after(ms, goOn);
      },
      /** It is never held again. */
      release(): void {
        isOver = true;
        if (takeBack === undefined) return;
        takeBack();
        goOn();
      },
    };
  };
}
