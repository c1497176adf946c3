import { handleSummary, nothingLost, optionsWith, runCrowd } from "../crowd.ts";

/** The same load for a long time: whether memory stays. The driver looks at the slope. */
export const options = optionsWith({ ...nothingLost, parley_turn_share: ["p(95)<2000"], parley_turns: ["count>0"] });

export { handleSummary };
export default runCrowd;
