/** The process cannot start for a reason a person can mend. The message is one sentence for that person. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartError";
  }
}
