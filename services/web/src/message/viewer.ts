import { createContext } from "react";

/** Who looks at a conversation. */
export interface Viewer {
  /** Undefined: not known here. */
  readonly id: string | undefined;
  /** They answer in it in place of the agent: it is somebody else's, whose name and judgement it has. */
  readonly isOperator: boolean;
}

export const ViewerContext = createContext<Viewer>({ id: undefined, isOperator: false });
