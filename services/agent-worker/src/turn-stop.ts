/** Why a running turn is stopped from outside. The reason of its abort signal. */

/** Somebody cancelled it: it ends with what is stored. */
export class TurnCancelled extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(`cancelled: ${reason}`);
    this.name = "TurnCancelled";
    this.reason = reason;
  }
}

/** This worker stops: another one goes on with the turn. */
export class TurnHandedOver extends Error {
  constructor() {
    super("the worker is stopping");
    this.name = "TurnHandedOver";
  }
}
