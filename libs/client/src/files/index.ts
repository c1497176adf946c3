export { createUploads, type UploadOptions, type Uploads, type UploadsOptions } from "./uploads.ts";
export { filesOf, isFile, type FilePart } from "@parley/protocol/fold";
