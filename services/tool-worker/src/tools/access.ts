/**
 * One thing that a call would do, in the words of the system that it does it in. The policy decides by it, so it is what really would be touched: a kind by the
 * name under which the system knows it and not as the model spelt it, the namespace that holds where none was given.
 */
export interface Access {
  /** Where: `kubernetes`, `mcp:<server>`, `http:<file>`. */
  readonly system: string;
  /** Kubernetes: the verb of RBAC (`get`, `list`, `create`, `patch`, `delete`, `exec`, `scale`); HTTP: the method in small letters; MCP: `call`. */
  readonly verb: string;
  /** Kubernetes: the name of the cluster's context. */
  readonly cluster?: string;
  /** Kubernetes: empty for the core group. */
  readonly group?: string;
  readonly kind?: string;
  /**
   * `*`: of all. Absent: of no namespace; where the verb is one that lists or deletes many, and the kind is not known to be of none, the policy takes it for all.
   */
  readonly namespace?: string;
  readonly name?: string;
  /** As whom: `user`, with the account of whoever the call is for. Absent: as this service. The policy does not look at it. */
  readonly as?: "user";
}
