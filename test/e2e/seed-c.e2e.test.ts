import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createChatWebSocket, type Metadata } from "../clients/chat-web-socket.ts";
import { findPython, runChatStream } from "../clients/python.ts";
import { devToken } from "./person.ts";

const question = "What is the engine power?";
const python = findPython();
const whyNot = python === undefined ? " (skipped: no python3 here has the module `websockets`)" : "";

let system: System;
let url: string;

beforeAll(async () => {
  system = await startSystem();
  url = `ws://127.0.0.1:${system.edges[0]!.port}/ws/chat`;
});
afterAll(() => system[Symbol.asyncDispose]());

interface Heard {
  readonly steps: string[];
  readonly events: string[];
  readonly partials: string[];
  text: string;
  readonly ends: { response: string; metadata: Metadata }[];
  readonly errors: (readonly [error: string, code: string | undefined])[];
}

/** Connects the client as its document shows, with all its callbacks set. */
function open(token?: string, address = url) {
  const chat = createChatWebSocket(address, token);
  const heard: Heard = { steps: [], events: [], partials: [], text: "", ends: [], errors: [] };
  chat.onProgress = (step) => {
    heard.steps.push(step);
    heard.events.push("progress");
  };
  chat.onMessage = (piece, partial) => {
    heard.text += piece;
    heard.partials.push(partial);
    heard.events.push("token");
    expect(partial).toBe(heard.text);
  };
  chat.onComplete = (response, metadata) => {
    heard.ends.push({ response, metadata });
    heard.events.push("complete");
  };
  chat.onError = (error, code) => heard.errors.push([error, code]);
  chat.connect();
  return { chat, heard };
}

describe("the JavaScript client of seed C", () => {
  it("gets steps as they begin, tokens with the answer so far, and the end with its metadata", async () => {
    const { chat, heard } = open(await devToken(system.edges[0]!, "carla"));
    expect(await chat.authenticated).toMatchObject({ id: "carla", name: "carla", email: "" });
    chat.sendMessage(question);
    await expect.poll(() => heard.ends.length, { timeout: 30_000 }).toBe(1);
    chat.disconnect();
    expect(heard.errors).toEqual([]);
    // A step may be told again when it has ended, with what it found.
    expect(heard.steps.filter((step, i) => step !== heard.steps[i - 1])).toEqual([
      "starting",
      "agent_routing",
      "rag_retrieval",
      "generating",
    ]);
    expect(heard.events.filter((event, i) => event !== heard.events[i - 1])).toEqual(["progress", "token", "complete"]);
    const [end] = heard.ends;
    expect(end?.response).toBe(heard.text);
    expect(end?.metadata.agent).toBe("specs");
    expect(end?.metadata.confidence).toBeGreaterThan(0);
    expect(end?.metadata.context.sources.length).toBeGreaterThan(0);
  });

  it("may bring its token in the address, and ask several times on one connection", async () => {
    const { chat, heard } = open(undefined, `${url}?token=${await devToken(system.edges[0]!, "carla")}`);
    await chat.authenticated;
    for (const [i, text] of ["hello", "hello again"].entries()) {
      chat.sendMessage(text, "my-session");
      heard.text = "";
      await expect.poll(() => heard.ends.length, { timeout: 30_000 }).toBe(i + 1);
      expect(heard.ends[i]?.response).toBe(heard.text);
    }
    chat.disconnect();
  });

  it("is told the documented codes: AUTH_REQUIRED, and EMPTY_MESSAGE", async () => {
    const stranger = open();
    await expect.poll(() => tryTo(() => stranger.chat.sendMessage("hello"))).toBe(true);
    await expect.poll(() => stranger.heard.errors).toEqual([[expect.any(String), "AUTH_REQUIRED"]]);
    stranger.chat.disconnect();
    const carla = open(await devToken(system.edges[0]!, "carla"));
    await carla.chat.authenticated;
    carla.chat.sendMessage("");
    await expect.poll(() => carla.heard.errors).toEqual([[expect.any(String), "EMPTY_MESSAGE"]]);
    carla.chat.disconnect();
  });

  it("is told that its token is not valid", async () => {
    const { heard } = open("invalid");
    await expect.poll(() => heard.errors.length).toBeGreaterThan(0);
    expect(heard.errors[0]).toEqual([expect.any(String), undefined]);
  });
});

describe(`the Python client of seed C${whyNot}`, () => {
  it.skipIf(python === undefined)("takes the first frame for the answer to `auth`, and gets its answer", async () => {
    const token = await devToken(system.edges[0]!, "pia");
    const steps = await runChatStream(python ?? "", [url, token, question, "python-session-1"]);
    const names = steps.map(({ step }) => step);
    expect(names.filter((name, i) => name !== names[i - 1])).toEqual(["authenticated", "progress", "complete"]);
    const end = steps.at(-1);
    expect(end).toMatchObject({ agent: "specs", response: end?.["accumulated"] });
  });

  it.skipIf(python === undefined)("is told when its token is not valid", async () => {
    const steps = await runChatStream(python ?? "", [url, "invalid", question, "python-session-1"]);
    expect(steps).toMatchObject([{ step: "authentication failed", frame: { type: "auth_error" } }]);
  });
});

/** Whether the socket is open yet: the document's client throws before. */
function tryTo(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
