import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startSystem, startTcpProxy, tempDir, type System, type TcpProxy } from "@parley/testkit";
import type { Browser } from "playwright-core";
import {
  startSimulatedPushService,
  type SimulatedPushService,
} from "../../services/tool-worker/test/support/simulated-push-service.ts";
import { vapidKeyOf } from "../../services/tool-worker/src/notices/vapid.ts";
import { launchChromium } from "./chromium.ts";
import { startScriptedModel, type ScriptedModel } from "./web-model.ts";

const policy = `
like: { minutes: 10 }
four_eyes: [{ tool: demo_change, role: junior }]
rules: [{ tool: demo_change, verdict: approve, reason: The counter belongs to everybody. }]
`;
/** A key for tests. */
const vapid = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const issuers = "issuers: []\nshared_secret: { roles: { claim: roles } }\n";

/** What tests of the page share: all of Parley with two edges behind one address, a model that can be told what to say, and a browser. */
export interface WebSystem {
  readonly system: System;
  readonly model: ScriptedModel;
  /** The address of the page: it leads to one of the edges, and to the other one when that is gone. */
  readonly address: TcpProxy;
  readonly browser: Browser;
  /** Where notices to browsers arrive. */
  readonly pushes: SimulatedPushService;
  /** Where `demo_change` writes. */
  readonly counterFile: string;
}

async function start(): Promise<WebSystem> {
  const folder = await tempDir();
  const file = (name: string): string => path.join(folder.path, name);
  await Promise.all([writeFile(file("policy.yaml"), policy), writeFile(file("issuers.yaml"), issuers)]);
  const model = await startScriptedModel();
  const counterFile = file("counter");
  const pushes = await startSimulatedPushService();
  const publicKey = vapidKeyOf(vapid)?.publicKey ?? "";
  const env = {
    edge: { ISSUERS_FILE: file("issuers.yaml"), NOTICES: "1", VAPID_PUBLIC_KEY: publicKey, PUSH_HOSTS: pushes.origin },
    "agent-worker": { OPENAI_BASE_URL: model.url, TITLES: "first-answer" },
    "model-simulator": { SIM_TOKENS_PER_SECOND: "150" },
    "tool-worker": {
      ...{ DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile, TOOL_POLICY_FILE: file("policy.yaml") },
      ...{ VAPID_PRIVATE_KEY: vapid, VAPID_SUBJECT: "mailto:ops@example.org", PUSH_HOSTS: pushes.origin },
    },
  };
  const [system, browser] = await Promise.all([startSystem({ edges: 2, env }), launchChromium()]);
  model.leadTo(system.modelSimulator.port);
  const address = await startTcpProxy({ targets: system.edges.map(({ port }) => port) });
  return { system, model, address, browser, pushes, counterFile };
}

/**
 * One for all files of a process: a start takes seconds, and what a test does, it does in conversations of its own. It ends with the process (the
 * reaper of the testkit sees to its processes and folders, Playwright to the browser); who kills a part of it starts that again.
 */
let shared: Promise<WebSystem> | undefined;

export function webSystem(): Promise<WebSystem> {
  // One that did not come up may have had a bad moment: the next file tries again.
  shared ??= start().catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}
