/** Frames that leave as one message of the WebSocket: a JSON array of them. */
export interface FrameBatch {
  readonly frames: Uint8Array[];
  /** With what stands between them. */
  bytes: number;
}

export function createFrameBatch(): FrameBatch {
  return { frames: [], bytes: 0 };
}

export function addFrame(batch: FrameBatch, frame: Uint8Array): void {
  batch.frames.push(frame);
  batch.bytes += frame.length + 1;
}

const [comma, open, end] = [0x2c, 0x5b, 0x5d];

/** The message, and the batch is empty again: the frames' own bytes, of which none is encoded anew. One frame goes as it is; undefined: there is none. */
export function takeMessage(batch: FrameBatch): Uint8Array | undefined {
  const { frames, bytes } = batch;
  const [first] = frames;
  if (frames.length < 2 || first === undefined) {
    clear(batch);
    return first;
  }
  const message = Buffer.allocUnsafe(bytes + 1);
  let at = 0;
  for (const frame of frames) {
    message[at] = at === 0 ? open : comma;
    message.set(frame, at + 1);
    at += frame.length + 1;
  }
  message[at] = end;
  clear(batch);
  return message;
}

function clear(batch: FrameBatch): void {
  batch.frames.length = 0;
  batch.bytes = 0;
}
