import type { ToolArguments } from "@parley/protocol";
import type { Tool } from "../tools/tool.ts";

/**
 * The names and arguments of another assistant's tools (seed A), for prompts and clients that were made for it. Each is one of our tools with arguments put
 * in their places; models are offered our names only. Aliases that say no more than another name stand with their tools.
 */

interface Meaning {
  /** Whose alias it is. */
  readonly tool: string;
  means(args: ToolArguments): ToolArguments;
}

type Names = Readonly<Record<string, string>>;

/** The arguments under our names. What is in no table stays, so that the tool can say that it does not know it. */
function renamed(args: ToolArguments, names: Names): ToolArguments {
  return Object.fromEntries(
    Object.entries(args)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [Object.hasOwn(names, name) ? (names[name] ?? name) : name, value]),
  );
}

/** One of our tools about objects of one kind. */
function about(tool: string, names: Names, fixed: ToolArguments = {}): Meaning {
  return { tool, means: (args) => ({ ...renamed(args, names), ...fixed }) };
}

/** `force` is not to wait for anything, as `kubectl delete --force` means it; there it changed nothing. */
function deletion(names: Names, fixed: ToolArguments = {}): Meaning {
  return {
    tool: "k8s_delete",
    means(args) {
      const { force, ...given } = renamed(args, names);
      const isForced = force === true || force === "true";
      return { ...given, ...(isForced && { gracePeriodSeconds: 0 }), ...fixed };
    },
  };
}

const PLACE = new Set(["name", "namespace"]);

/** A manifest of one kind: all but name and namespace goes into `params`, over what was left out there. */
function manifest(kind: string, names: Names, defaults: (args: ToolArguments) => ToolArguments = () => ({})): Meaning {
  return {
    tool: "k8s_generate_manifest",
    means(args) {
      const given = Object.entries(renamed(args, names));
      const params = Object.fromEntries(given.filter(([name]) => !PLACE.has(name)));
      const place = Object.fromEntries(given.filter(([name]) => PLACE.has(name)));
      return { namespace: "default", ...place, kind, params: { ...defaults(args), ...params } };
    },
  };
}

/** Both of its default images need root. */
function imageOf(image: string): (args: ToolArguments) => ToolArguments {
  return (args) => (args["image"] === undefined || args["image"] === null ? { image, runAsRoot: true } : {});
}

const web = (args: ToolArguments): ToolArguments => ({ ...imageOf("nginx:latest")(args), replicas: 1, port: 80 });
const batch = (args: ToolArguments): ToolArguments => ({
  ...imageOf("busybox:latest")(args),
  command: ["echo", "hello"],
});

/** Values of a Secret go no further than this: what is in a result is in the transcript, for the model and for whoever reads it. */
function secretKeys({ data, ...args }: ToolArguments): ToolArguments {
  const keys = typeof data === "object" && data !== null ? Object.keys(data) : ["username", "password"];
  return { ...args, keys };
}

function selector({ app_label: label, ...args }: ToolArguments): ToolArguments {
  return typeof label === "string" ? { ...args, selector: { app: label } } : args;
}

/** With what has to be taken apart before it can be renamed. */
function after(first: (args: ToolArguments) => ToolArguments, { tool, means }: Meaning): Meaning {
  return { tool, means: (args) => means(first(args)) };
}

/** A list of one kind. Its labels are no columns: `output_format` wide, yaml and json show more. */
function list(kind: ToolArguments): Meaning {
  return { tool: "k8s_list_resources", means: ({ show_labels: _labels, ...args }) => ({ ...args, ...kind }) };
}

const seedNames: Readonly<Record<string, Meaning>> = {
  list_deployments: list({ kind: "Deployment", apiVersion: "apps" }),
  list_services: list({ kind: "Service", apiVersion: "v1" }),

  scale_deployment: {
    tool: "k8s_scale",
    means: (args) => ({ replicas: 1, ...renamed(args, { deployment: "name" }), kind: "Deployment" }),
  },
  rollout_restart_deployment: about("k8s_rollout_restart", { deployment: "name" }, { kind: "Deployment" }),
  patch_pod: about("k8s_patch", { pod_name: "name", patch_data: "patch" }, { kind: "Pod" }),
  patch_deployment: about("k8s_patch", { deployment_name: "name", patch_data: "patch" }, { kind: "Deployment" }),
  patch_storageclass: about("k8s_patch", { storageclass_name: "name", patch_data: "patch" }, { kind: "StorageClass" }),
  delete_pod: deletion({ pod_name: "name", grace_period_seconds: "gracePeriodSeconds" }, { kind: "Pod" }),
  delete_resource: deletion({
    ...{ resource_type: "kind", resource_name: "name" },
    grace_period: "gracePeriodSeconds",
  }),
  cordon_node: about("k8s_cordon", { node_name: "name" }, { op: "cordon" }),
  uncordon_node: about("k8s_cordon", { node_name: "name" }, { op: "uncordon" }),
  create_namespace: about("k8s_create_namespace", {}),
  apply_yaml: about("k8s_apply_manifest", { yaml_content: "manifest" }),
  exec_in_pod: about("k8s_exec", { pod_name: "pod" }),

  generate_deployment_yaml: manifest("Deployment", {}, web),
  generate_statefulset_yaml: manifest("StatefulSet", {}, (args) => ({
    ...web(args),
    ...(typeof args["name"] === "string" && { serviceName: `${args["name"]}-service` }),
  })),
  generate_service_yaml: after(
    selector,
    manifest("Service", { target_port: "targetPort", service_type: "type" }, () => ({ targetPort: 80 })),
  ),
  generate_configmap_yaml: manifest("ConfigMap", {}, () => ({ data: { "config.txt": "example=value" } })),
  generate_secret_yaml: after(secretKeys, manifest("Secret", { secret_type: "type" })),
  generate_ingress_yaml: manifest("Ingress", { service_name: "serviceName", service_port: "servicePort" }, () => ({
    host: "example.com",
  })),
  generate_pvc_yaml: manifest(
    "PersistentVolumeClaim",
    { size: "storage", storage_class: "storageClass", access_mode: "accessMode" },
    () => ({ storage: "10Gi", storageClass: "standard" }),
  ),
  generate_hpa_yaml: manifest(
    "HorizontalPodAutoscaler",
    {
      ...{ deployment: "target", min_replicas: "minReplicas" },
      ...{ max_replicas: "maxReplicas", cpu_percent: "cpuPercent" },
    },
    () => ({ minReplicas: 1 }),
  ),
  generate_job_yaml: manifest("Job", {}, batch),
  generate_cronjob_yaml: manifest("CronJob", {}, (args) => ({ schedule: "0 0 * * *", ...batch(args) })),
};

/** The tools with those of these names that are theirs. */
export function withSeedNames(tools: readonly Tool[]): Tool[] {
  return tools.map((tool) => {
    const { name, aliases } = tool.definition;
    const own = Object.entries(seedNames).filter(([, meaning]) => meaning.tool === name);
    if (own.length === 0) return tool;
    const meanings = Object.fromEntries(own.map(([alias, { means }]) => [alias, means]));
    const definition = { ...tool.definition, aliases: [...aliases, ...Object.keys(meanings)] };
    return { ...tool, definition, meanings: { ...tool.meanings, ...meanings } };
  });
}
