/** The fields that benchmarks look at, read with as little work as possible: viewers share the processors. */
export interface FrameFields {
  readonly type: string;
  readonly seq: number;
  readonly token: string;
  readonly conversation: string;
}

function textOf(frame: object, key: string): string {
  const value: unknown = Reflect.get(frame, key);
  return typeof value === "string" ? value : "";
}

export function fieldsOf(payload: Buffer): FrameFields {
  const frame: unknown = JSON.parse(payload.toString());
  if (typeof frame !== "object" || frame === null) return { type: "", seq: 0, token: "", conversation: "" };
  const seq: unknown = Reflect.get(frame, "seq");
  return {
    type: textOf(frame, "type"),
    seq: typeof seq === "number" ? seq : 0,
    token: textOf(frame, "token"),
    conversation: textOf(frame, "conversation_id"),
  };
}
