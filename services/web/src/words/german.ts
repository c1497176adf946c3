import { appDe } from "./app.de.ts";
import { chatDe } from "./chat.de.ts";
import { messageDe } from "./message.de.ts";
import { roomDe } from "./room.de.ts";

/** A file of its own, so that only who reads it loads it. */
export const german = { app: appDe, chat: chatDe, message: messageDe, room: roomDe };
