/** The roles of the cluster; everybody who is authenticated may ask what he himself may do. */
export type Role = "reader" | "operator";

/** As in a Role of RBAC. */
export type PolicyRule = {
  apiGroups: readonly string[];
  resources: readonly string[];
  verbs: readonly string[];
  resourceNames?: readonly string[];
};

const READ = ["get", "list", "watch"];
const WRITE = ["create", "delete", "patch", "update"];

const READABLE: Readonly<Record<string, readonly string[]>> = {
  "": [
    "bindings",
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "pods/log",
    "pods/status",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "services",
  ],
  apps: ["*"],
  batch: ["*"],
  autoscaling: ["*"],
  policy: ["*"],
  "networking.k8s.io": ["*"],
  "discovery.k8s.io": ["*"],
  "storage.k8s.io": ["*"],
  "rbac.authorization.k8s.io": ["*"],
  "apiextensions.k8s.io": ["*"],
  "metrics.k8s.io": ["*"],
  "simulated.parley.dev": ["*"],
};

const readRules: PolicyRule[] = Object.entries(READABLE).map(([group, resources]) => ({
  apiGroups: [group],
  resources,
  verbs: READ,
}));

/**
 * What each role may do, as RBAC writes it. The reader sees no Secret and opens no shell; the operator changes what people change in anger, and
 * neither nodes' existence, namespaces' end, definitions, volumes nor rights.
 */
export const ROLE_RULES: Readonly<Record<Role, readonly PolicyRule[]>> = {
  reader: readRules,
  operator: [
    ...readRules,
    { apiGroups: [""], resources: ["secrets"], verbs: [...READ, ...WRITE] },
    {
      apiGroups: [""],
      resources: [
        "configmaps",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
      ],
      verbs: WRITE,
    },
    { apiGroups: [""], resources: ["pods/eviction", "pods/exec"], verbs: ["create", "get"] },
    { apiGroups: [""], resources: ["namespaces"], verbs: ["create", "patch", "update"] },
    { apiGroups: [""], resources: ["nodes"], verbs: ["patch", "update"] },
    {
      apiGroups: ["apps", "batch", "autoscaling", "policy", "networking.k8s.io", "simulated.parley.dev"],
      resources: ["*"],
      verbs: WRITE,
    },
    { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["patch", "update"] },
    { apiGroups: [""], resources: ["groups", "users"], verbs: ["impersonate"] },
  ],
};

/** Whoever is impersonated has the rights of these groups, and the reader's if the name is one of Parley's users. */
export function rolesOfGroups(name: string, groups: readonly string[]): Role[] {
  const isOperator = groups.some((group) => ["parley:operator", "parley:admin"].includes(group));
  return [
    ...(name.startsWith("parley:") || groups.some((group) => group.startsWith("parley:")) ? ["reader" as const] : []),
    ...(isOperator ? ["operator" as const] : []),
  ];
}
