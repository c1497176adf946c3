import { shownTurn } from "@parley/testkit";
import { pendingApprovals } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import { decideOn } from "./agreeing.ts";
import type { Answer, Device } from "./clients/device.ts";
import { createLibraryDevice } from "./clients/library-device.ts";
import { createRawDevice } from "./clients/raw-device.ts";
import { createToken } from "./clients/token.ts";
import { openOnlookers } from "./dialect-onlookers.ts";
import type { Watched } from "./dialects/watching.ts";
import type { GivenAnswer, StrangersTry } from "./history.ts";
import {
  backAfterMs,
  type CancelPlan,
  type ConversationPlan,
  type DevicePlan,
  type Plan,
  type TurnPlan,
} from "./plan/plan.ts";
import { createRandom } from "./plan/random.ts";
import type { Timeline } from "./timeline.ts";
import type { World } from "./world/world.ts";

export interface Conversation {
  readonly plan: ConversationPlan;
  readonly devices: readonly Device[];
  readonly answers: readonly GivenAnswer[];
  readonly strangersTries: readonly StrangersTry[];
  /** What clients of other dialects have seen of its turns: those that still look are stopped. */
  watched(): Promise<readonly Watched[]>;
}

/** The people of a scenario and their devices, doing what the plan says. */
export interface Audience {
  readonly conversations: readonly Conversation[];
  /** Resolves when every planned message has been answered and all that devices do by themselves is over. */
  readonly finished: Promise<void>;
  turnsEnded(): number;
  reconnects(): number;
  close(): void;
}

interface Stage {
  readonly world: Pick<World, "edgeUrls" | "jwtSecret">;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
  readonly throughDialects: boolean;
}

export function openAudience(plan: Plan, stage: Stage): Audience {
  const conversations = plan.conversations.map((conversation) => openConversation(plan.seed, conversation, stage));
  return {
    conversations,
    finished: Promise.all(conversations.map(({ finished }) => finished)).then(() => undefined),
    turnsEnded: () => conversations.reduce((sum, { ended }) => sum + ended.size, 0),
    reconnects: () => sum(conversations, (device) => device.reconnects()),
    close() {
      for (const { devices } of conversations) for (const device of devices) device.close();
    },
  };
}

function sum(conversations: readonly Conversation[], read: (device: Device) => number): number {
  return conversations.flatMap(({ devices }) => devices).reduce((total, device) => total + read(device), 0);
}

function openConversation(seed: string, plan: ConversationPlan, stage: Stage) {
  const token = createToken(stage.world.jwtSecret, plan.user);
  const devices = plan.devices.map((device) => createDevice(seed, device, plan.id, token, stage));
  const answers: GivenAnswer[] = [];
  const strangersTries: StrangersTry[] = [];
  const ended = new Set<string>();
  const onlookers = openOnlookers(`${seed}/${plan.id}`, { ...stage, token });
  const ask = async (turn: TurnPlan, device: Device): Promise<Answer> => {
    const answer = await device.ask({
      id: turn.id,
      text: turn.prompt.text,
      onBusy: turn.onBusy,
      agent: turn.prompt.agent,
    });
    answers.push({ id: turn.id, device: device.name, answer });
    return answer;
  };
  const askTurn = async (turn: TurnPlan): Promise<void> => {
    const [asker] = devices;
    if (asker === undefined) return;
    const answer = await ask(turn, asker);
    if (answer.kind === "refused") return void ended.add(turn.id);
    await Promise.all([
      stage.throughDialects ? onlookers.look(plan.id, answer.turn, turn) : undefined,
      turn.cancel === undefined ? undefined : cancel(turn.cancel, answer.turn, devices, stage.signal),
      turn.decision === undefined
        ? undefined
        : decideOn(turn.decision, {
            ...{ ...stage, conversation: plan.id, turn: answer.turn, devices, tries: strangersTries, hasEnded },
          }),
      asker.until((view) => hasEnded(view, answer.turn), stage.signal).then(() => ended.add(turn.id)),
    ]);
  };
  const scripts = [
    ...plan.turns.map((turn) => stage.timeline.at(turn.atMs, () => askTurn(turn))),
    ...plan.turns.flatMap((turn) =>
      turn.repeats.map(({ device, atMs }) =>
        stage.timeline.at(atMs, async () => {
          const repeater = devices[device];
          if (repeater !== undefined) await ask(turn, repeater);
        }),
      ),
    ),
    ...plan.devices.map((device, index) => useDevice(device, devices[index], index, stage)),
  ];
  // Whoever waits for an end that does not come is stopped by the scenario's deadline; the checks say what is missing.
  const finished = Promise.allSettled(scripts).then(() => undefined);
  return { plan, devices, answers, strangersTries, watched: onlookers.watched, ended, finished };
}

/** Whether the device knows how the turn ended. */
export function hasEnded(view: Device["view"], turn: string): boolean {
  if (shownTurn(view, turn)?.outcome !== undefined) return true;
  return view.transcript.some(({ turn_id, author }) => turn_id === turn && author.role === "assistant");
}

function createDevice(seed: string, plan: DevicePlan, conversation: string, token: string, stage: Stage): Device {
  const { name, kind, edge: firstEdge } = plan;
  const { world, timeline } = stage;
  const random = createRandom(`${seed}/${name}`);
  const options = { name, conversation, token, edges: world.edgeUrls, firstEdge, random, now: timeline.now };
  return kind === "library" ? createLibraryDevice(options) : createRawDevice(options);
}

/** What a device does besides asking: it joins, looks on, is cut off, stops reading, leaves and comes back. */
async function useDevice(plan: DevicePlan, device: Device | undefined, index: number, stage: Stage): Promise<void> {
  if (device === undefined) return;
  const { timeline, signal } = stage;
  const doAt = (atMs: number, action: () => unknown): Promise<void> => timeline.at(Math.max(atMs, plan.joinMs), action);
  await Promise.all([
    timeline.at(plan.joinMs, () => {
      device.connect();
      // Who asks gets the events of what was asked without asking for them.
      if (index > 0) device.watch();
    }),
    ...plan.cuts.map((atMs) => doAt(atMs, device.cut)),
    ...plan.pauses.map(({ atMs, forMs }) =>
      doAt(atMs, async () => {
        device.pause();
        await sleep(forMs, signal);
        device.resume();
      }),
    ),
    ...plan.leaves.map((atMs) =>
      doAt(atMs, async () => {
        device.leave();
        await sleep(backAfterMs / 2, signal);
        device.watch();
      }),
    ),
  ]);
}

async function cancel(plan: CancelPlan, turn: string, devices: readonly Device[], signal: AbortSignal): Promise<void> {
  const [asker] = devices;
  const canceller = devices[plan.device] ?? asker;
  const holds = (view: Device["view"]): boolean => {
    const seen = shownTurn(view, turn);
    if (seen?.outcome !== undefined || plan.moment === "accepted") return true;
    if (plan.moment === "asked") return pendingApprovals(view).some(({ turn_id }) => turn_id === turn);
    return plan.moment === "first text" ? (seen?.text ?? "") !== "" : (seen?.tool_calls.length ?? 0) > 0;
  };
  await asker?.until(holds, signal);
  await sleep(plan.delayMs, signal);
  canceller?.cancel(turn);
}
