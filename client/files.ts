/** The bytes of files: sent to and read from the bucket `hub-files`, and compared with what their row says. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Database } from "./database.types.ts";
import { AuraError, isPassing, UnavailableError } from "./errors.ts";
import type { HubFile } from "./rows.ts";

const BUCKET = "hub-files";

/** By the ending of the name: what a file is called is what it is, whatever its first bytes look like. */
const MEDIA_TYPES: Record<string, string> = {
  css: "text/css",
  csv: "text/csv",
  diff: "text/x-diff",
  gif: "image/gif",
  gz: "application/gzip",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  patch: "text/x-diff",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  txt: "text/plain",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
};

/** The media type that a name's ending says; `application/octet-stream` where it says none. */
export function mediaTypeOf(name: string): string {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return MEDIA_TYPES[ending] ?? "application/octet-stream";
}

/** SHA-256 in hex. */
export async function digestOf(bytes: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await bytes.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends the bytes of an announced file. */
export async function uploadBytes(
  supabase: SupabaseClient<Database>,
  file: HubFile,
  bytes: Blob,
): Promise<void> {
  // A Blob of its own: the type that Storage is told is the row's.
  const body = new Blob([bytes], { type: file.media_type });
  const { error } = await supabase.storage.from(BUCKET).upload(file.path, body);
  if (error) throw refused(file, "sent", error);
}

/** Reads a file's bytes. Throws `file_damaged` when they are not those that were announced. */
export async function downloadBytes(
  supabase: SupabaseClient<Database>,
  file: HubFile,
): Promise<Blob> {
  if (file.state !== "stored") {
    const why = file.state === "failed"
      ? `could not be delivered: ${file.error}`
      : "has not arrived";
    throw new AuraError("file_not_stored", 409, `The file ${file.name} ${why}.`);
  }
  const { data, error } = await supabase.storage.from(BUCKET).download(file.path);
  if (error) throw refused(file, "read", error);
  if (data.size !== file.size || file.sha256 && await digestOf(data) !== file.sha256) {
    throw new AuraError(
      "file_damaged",
      502,
      `What was read of the file ${file.name} is not what was sent.`,
      "Read it again.",
    );
  }
  return data;
}

/** Storage says the status that it means as text; without one, nothing answered. */
function refused(file: HubFile, verb: "sent" | "read", error: Error): AuraError {
  const { statusCode } = error as Error & { statusCode?: string };
  const sentence = `The file ${file.name} could not be ${verb}: ${error.message}`;
  const status = Number(statusCode ?? 0);
  if (isPassing(status)) return new UnavailableError("unavailable", status, sentence);
  return new AuraError("file_refused", status, sentence);
}
