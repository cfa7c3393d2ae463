// The bucket of files, which the secret key reads and writes for those whom an RPC has let through.
import type { SupabaseClient } from "@supabase/supabase-js";
import { Problem, problemOf } from "./problem.ts";

export const BUCKET = "hub-files";

/** In seconds: long enough for a large file on a slow line. */
const EXPIRY = 3600;

/** A URL that reads the object, for an hour. */
export async function urlToRead(admin: SupabaseClient, path: string): Promise<string> {
  const { data, error } = await admin.storage.from(BUCKET).createSignedUrl(path, EXPIRY);
  if (error) throw unavailable(error);
  return belowTheProject(data.signedUrl);
}

/** A URL that takes the object by PUT, once, for two hours. */
export async function urlToWrite(admin: SupabaseClient, path: string): Promise<string> {
  const { data, error } = await admin.storage.from(BUCKET).createSignedUploadUrl(path);
  if (error) throw unavailable(error);
  return belowTheProject(data.signedUrl);
}

/**
 * Without the host: a function may know its project by a name that only its neighbours know. Whoever asks
 * knows the address that it has asked.
 */
function belowTheProject(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** Removes the objects of files whose rows are gone, which SQL may not do; returns how many. */
export async function removeObjects(admin: SupabaseClient): Promise<number> {
  let removed: string[] = [];
  for (let count = 0;; count += removed.length) {
    const answer = await admin.rpc("files_to_remove", { removed });
    if (answer.error) throw problemOf(answer);
    if (answer.data.length === 0) return count;
    const { error } = await admin.storage.from(BUCKET).remove(answer.data);
    if (error) throw unavailable(error);
    removed = answer.data;
  }
}

function unavailable(error: Error): Problem {
  return new Problem(
    503,
    "unavailable",
    `Storage does not answer: ${error.message}`,
    "Try again later.",
  );
}
