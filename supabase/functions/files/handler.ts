// A device's files: {token, task_id, claim_id, file_id} → {file, url} to read one of its task's,
// {token, task_id, claim_id, name, media_type, size, sha256} → {file, url} to leave one. The url is a path
// below the project's address, and null where there is nothing to upload.
import { z } from "zod";
import { removeObjects, urlToRead, urlToWrite } from "../_shared/aura/bucket.ts";
import type { Call } from "../_shared/aura/endpoint.ts";
import { problemOf } from "../_shared/aura/problem.ts";

const Claim = { token: z.string(), task_id: z.uuid(), claim_id: z.uuid() };

const Reading = z.strictObject({ ...Claim, file_id: z.uuid() });

const Writing = z.strictObject({
  ...Claim,
  name: z.string(),
  media_type: z.string().nullish(),
  size: z.int().min(0),
  sha256: z.string().nullish(),
  /** Why the device cannot deliver the file. */
  error: z.string().nullish(),
});

export const Input = z.union([Reading, Writing]);

export async function files({ input, context }: Call<z.infer<typeof Input>>): Promise<Response> {
  const admin = context.supabaseAdmin;
  const answer =
    await ("file_id" in input
      ? context.supabase.rpc("read_file", input)
      : context.supabase.rpc("offer_file", input));
  if (answer.error) throw problemOf(answer);
  const { file } = answer.data;
  const url = "file_id" in input
    ? await urlToRead(admin, file.path)
    : file.state === "pending"
    ? await urlToWrite(admin, file.path)
    : null;
  // Whoever works with files keeps the bucket tidy; no device waits or fails for it.
  const tidied = removeObjects(admin).catch((error) =>
    console.error("Removing objects failed:", error)
  );
  (globalThis as { EdgeRuntime?: Runtime }).EdgeRuntime?.waitUntil(tidied);
  return Response.json({ file, url });
}

/** What keeps a hosted function alive after its answer. */
interface Runtime {
  waitUntil(promise: Promise<unknown>): void;
}
