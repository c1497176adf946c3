import { nativeSubprotocol, type ClientFrameInput } from "@parley/protocol";
import { WebSocket, type RawData } from "ws";
import { createNativeFold, nativeWords, type NativeFold } from "./native-fold.ts";
import type { Viewer } from "./viewer.ts";
import { afterEnd, jsonOf, textOfMessage, type TurnPlace, type Visit } from "./visit.ts";

/** Frames over a WebSocket; it comes back with its cursor. */
export const native: Viewer = {
  name: "native (parley.v1)",
  words: nativeWords,
  look(place) {
    const fold = createNativeFold(place);
    return {
      async visit(visit) {
        if (!fold.isOver()) await untilOver(visit, place, fold);
        return "over";
      },
      seen: fold.seen,
    };
  },
};

/** Resolves some time after the end; rejects when the connection breaks, and for a breach. */
function untilOver({ origin, token, signal }: Visit, { conversation }: TurnPlace, fold: NativeFold): Promise<void> {
  const socket = new WebSocket(`${origin.replace(/^http/, "ws")}/ws/chat`, nativeSubprotocol);
  const send = (frame: ClientFrameInput): void => socket.send(JSON.stringify(frame));
  const cut = (): void => socket.terminate();
  signal.addEventListener("abort", cut);
  return new Promise<void>((resolve, reject) => {
    let isEnding = false;
    const take = (data: RawData): void => {
      const frame = fold.take(jsonOf(textOfMessage(data)));
      const after = fold.after();
      const cursor = after === undefined ? {} : { after };
      if (frame.type === "auth_success") send({ type: "subscribe", conversation_id: conversation, ...cursor });
      if (frame.type === "error" && !("turn_id" in frame)) cut();
      if (isEnding || !fold.isOver()) return;
      isEnding = true;
      afterEnd(signal).then(() => resolve(), reject);
    };
    socket.on("open", () => send({ type: "auth", token, knows: ["unknown"] }));
    socket.on("message", (data: RawData) => {
      try {
        take(data);
      } catch (error) {
        reject(error);
      }
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
  }).finally(() => {
    signal.removeEventListener("abort", cut);
    socket.terminate();
  });
}
