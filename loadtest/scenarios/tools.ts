import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** Every answer needs a tool: the way through Redis and back, beyond the time that the tool itself takes. */
export const options = optionsWith({
  ...nothingLost,
  parley_tool_wait: ["p(95)<1000"],
  parley_turns: ["count>0"],
});

export { handleSummary };
export default runCrowd;
