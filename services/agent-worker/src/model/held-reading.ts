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

/**
 * Reads a connection in larger pieces: each read costs some 40 us from the kernel to the text, however little it brings. The socket does not know of
 * it, so it is read again in any case: when the time is over, or when it is released.
 */
export function createHeldReading(socket: Socket) {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  const goOn = (): void => {
    timer = undefined;
    handleOf(socket)?.readStart();
  };

  return {
    hold(ms: number): void {
      const handle = handleOf(socket);
      if (isOver || timer !== undefined || handle === undefined) return;
      handle.readStop();
      timer = setTimeout(goOn, ms);
    },
    /** It is never held again. */
    release(): void {
      isOver = true;
      if (timer === undefined) return;
      clearTimeout(timer);
      goOn();
    },
  };
}
