import type { JetStreamManager } from "@nats-io/jetstream";
import type { Logger } from "@parley/runtime";
import { createAuditLog, type AuditLogDeps } from "./audit-log.ts";
import { createDocumentQuestions } from "./document-questions.ts";
import { createDocumentStore } from "./document-store.ts";
import { setUpDocuments } from "./document-stream.ts";
import { defaultFileStoreBytes } from "./file-store-choice.ts";
import { setUpFileBytes, setUpFiles, type FileStreamDeps } from "./file-streams.ts";
import { createFiles, type FilesOptions } from "./files.ts";
import { createGateLog, type GateLogDeps } from "./gate-log.ts";
import { createMemories } from "./memories.ts";
import { createPrivacyLog } from "./privacy-log.ts";
import { setUpPrivacy } from "./privacy-stream.ts";
import { createNoticeRecords } from "./notice-records.ts";
import type { StreamOptions } from "./stream-configs.ts";
import { setUpAudit, setUpGate, setUpMemory, setUpNotices } from "./stream-setup.ts";
import { createUsageLog } from "./usage-log.ts";
import { setUpUsage } from "./usage-stream.ts";

interface SharedOptions {
  readonly options: StreamOptions;
  readonly files: FilesOptions | undefined;
  readonly log: Logger;
}

const defaultFiles: FilesOptions = { store: { kind: "nats", maxBytes: defaultFileStoreBytes } };

/** Of the whole deployment, for some of the processes: whoever uses one makes it. */
export function openSharedLogs(
  deps: Omit<GateLogDeps & AuditLogDeps, "setUp"> & Pick<FileStreamDeps, "sealing">,
  manager: JetStreamManager,
  { options, files = defaultFiles, log }: SharedOptions,
) {
  const maxBytes = files.store.kind === "nats" ? files.store.maxBytes : 0;
  const setUpRecords = (): Promise<void> => setUpFiles(manager, options);
  const setUpBytes = (): Promise<void> => setUpFileBytes(manager, options, maxBytes);
  return {
    files: createFiles({ ...deps, setUpRecords, setUpBytes }, files),
    gate: createGateLog({ ...deps, setUp: () => setUpGate(manager, options) }),
    memories: createMemories({ ...deps, setUp: () => setUpMemory(manager, options) }),
    noticeRecords: createNoticeRecords({ ...deps, setUp: () => setUpNotices(manager, options) }),
    audit: createAuditLog({ ...deps, setUp: () => setUpAudit(manager, options) }),
    documents: createDocumentStore({ ...deps, setUp: () => setUpDocuments(manager, options) }),
    documentQuestions: createDocumentQuestions(deps.link, log),
    usage: createUsageLog({ ...deps, setUp: () => setUpUsage(manager, options) }),
    privacy: createPrivacyLog({ ...deps, setUp: () => setUpPrivacy(manager, options) }),
  };
}
