import { NotDoneError, type Preview, type ToolContext, type ToolOutput } from "../../tools/tool.ts";
import { beforeChange, ConflictError, effectOf } from "./write-failure.ts";

/** A change that was checked and tried out, bound to the version of the object that it was made for. */
export interface Plan {
  /** Says the same for the same change of the same state, whoever makes the plan and whenever. */
  readonly preview: Preview;
  /** Makes the change. The server refuses it (409) if the object has another version by then. */
  send(context: ToolContext): Promise<ToolOutput | string>;
}

/** Checks and tries out a change; changes nothing. */
export type MakePlan<Input> = (input: Input, context: ToolContext) => Promise<Plan>;

/** Objects change their version without changing in what matters: states are written to them all the time. */
const MAX_ATTEMPTS = 4;

/** Of calls that people were asked about and that have not run here. Any more are planned anew, as on another worker. */
const MAX_KEPT = 64;

/**
 * A tool's `preview` and `run` over one plan: what runs is what was shown. The executor shows the preview and, directly before it runs the call, makes it
 * again and compares; the plan of that is kept here and sent with the version that it saw. If the server has another version by then, a new plan must say
 * the same, or nothing is done.
 */
export function changeOf<Input>(makePlan: MakePlan<Input>) {
  const kept = new Map<string, Plan>();

  const keep = (callId: string, plan: Plan): void => {
    kept.delete(callId);
    kept.set(callId, plan);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  };

  return {
    async preview(input: Input, context: ToolContext): Promise<Preview> {
      const plan = await planned(input, context);
      keep(context.callId, plan);
      return plan.preview;
    },

    async run(input: Input, context: ToolContext): Promise<ToolOutput | string> {
      const shown = kept.get(context.callId);
      kept.delete(context.callId);
      for (let attempt = 1; ; attempt++) {
        const plan = attempt === 1 && shown !== undefined ? shown : await plannedAgain(input, context, shown);
        try {
          return await sent(plan, context);
        } catch (error) {
          if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    },
  };

  /** An object that changes while a change is tried out is looked at again. */
  async function planned(input: Input, context: ToolContext): Promise<Plan> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await makePlan(input, context);
      } catch (error) {
        if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async function plannedAgain(input: Input, context: ToolContext, shown: Plan | undefined): Promise<Plan> {
    const plan = await beforeChange(() => planned(input, context));
    if (shown !== undefined && plan.preview.text !== shown.preview.text)
      throw new NotDoneError("Not done: the object was changed after this was shown, so it would be another change.");
    return plan;
  }
}

async function sent(plan: Plan, context: ToolContext): Promise<ToolOutput | string> {
  if (context.signal.aborted) throw new NotDoneError("It was stopped before anything was changed.");
  try {
    return await plan.send(context);
  } catch (error) {
    throw effectOf(error);
  }
}
