/** WebSocket subprotocol of the native dialect. */
export const nativeSubprotocol = "parley.v1";
