import type { ToolCallPart } from "@parley/protocol";
import type { TurnStep } from "../turn/turn-step.ts";

/** What is told of an answer while it is made: one line for people. */
export interface ProgressLine {
  readonly message: string;
  /** It says little more than the one before: who has too much to send may leave it out. */
  readonly isMinor: boolean;
}

const lineChars = 300;

/** Makes lines of steps. MCP has no word for a part of an answer, so its text is told by its length alone: what a restart takes back was never said. */
export function createProgressTeller() {
  const lengths = new Map<number, number>();
  let last = "";

  const textLine = (): ProgressLine | undefined => {
    const chars = [...lengths.values()].reduce((sum, length) => sum + length, 0);
    return chars === 0 ? undefined : { message: `Writing the answer: ${chars} characters so far.`, isMinor: true };
  };
  const lineOf = (step: TurnStep): ProgressLine | undefined => {
    switch (step.type) {
      case "added":
        if (step.kind === "reasoning") return { message: "Thinking.", isMinor: true };
        lengths.set(step.at, (lengths.get(step.at) ?? 0) + step.text.length);
        return textLine();
      case "restarted":
        for (const at of lengths.keys()) if (at >= step.from) lengths.delete(at);
        return { message: "The worker was lost: another one goes on with the answer.", isMinor: false };
      default:
        return stepLine(step);
    }
  };

  return {
    /** What was told last; empty: nothing yet. */
    get last(): string {
      return last;
    },

    tell(steps: readonly TurnStep[]): ProgressLine[] {
      const lines: ProgressLine[] = [];
      for (const step of steps) {
        const line = lineOf(step);
        if (line === undefined || line.message === last) continue;
        last = oneLine(line.message);
        lines.push({ ...line, message: last });
      }
      return lines;
    },
  };
}

function stepLine(step: TurnStep): ProgressLine | undefined {
  switch (step.type) {
    case "noted":
      return { message: step.event.message, isMinor: step.event.type === "thinking" };
    case "called":
      return { message: `Calls ${step.call.tool_name}.`, isMinor: false };
    case "asked":
      return { message: `${step.call.tool_name} needs a person's word.`, isMinor: false };
    case "decided":
      return { message: decidedLine(step.call), isMinor: false };
    case "returned":
      return { message: `${step.call.tool_name}: ${step.call.status ?? "ended"}.`, isMinor: false };
    default:
      return undefined;
  }
}

function decidedLine({ tool_name, approval }: ToolCallPart): string {
  return `${tool_name} was ${approval?.approved === true ? "agreed to" : "denied"}.`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, lineChars);
}
