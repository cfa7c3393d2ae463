import { createHash } from "node:crypto";
import { extname, join } from "node:path";
import { ApiError } from "../api_error.ts";
import type { Claim, Hub, TaskFile } from "../hub.ts";

/** A file that belongs to a request could not be had: no agent is started without it. */
export class FileError extends Error {
  override name = "FileError";
}

/** Fetches the files of a request into an empty folder; returns their paths. */
export async function fetchFiles(
  hub: Pick<Hub, "readFile">,
  claim: Claim,
  files: readonly TaskFile[],
  folder: string,
): Promise<string[]> {
  const names = new Set<string>();
  const paths: string[] = [];
  for (const file of files) {
    const name = freeName(safeName(file.name), names);
    const path = join(folder, name);
    await fetchWithPatience(hub, claim, file, path);
    paths.push(path);
  }
  return paths;
}

/** A name is data: nothing in it may lead out of the folder, hide the file or read as an option. */
export function safeName(name: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters to replace
  const plain = name.toWellFormed().normalize("NFC").replace(/[\x00-\x1f\x7f/\\:]/g, "_")
    .replace(/^[.\-\s]+/, "").trimEnd();
  const ending = extname(plain).slice(0, 20);
  return [...plain.slice(0, plain.length - extname(plain).length)].slice(0, 80).join("") + ending ||
    "file";
}

function freeName(name: string, taken: Set<string>): string {
  const ending = extname(name);
  let free = name;
  for (let number = 2; taken.has(free.toLowerCase()); number++) {
    free = `${name.slice(0, name.length - ending.length)}-${number}${ending}`;
  }
  taken.add(free.toLowerCase());
  return free;
}

async function fetchWithPatience(
  hub: Pick<Hub, "readFile">,
  claim: Claim,
  file: TaskFile,
  path: string,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await fetchOne(await hub.readFile(claim, file.id), file, path);
    } catch (error) {
      await Deno.remove(path).catch(() => {});
      const again = error instanceof FileError || error instanceof TypeError ||
        error instanceof ApiError && error.passing;
      if (!again || attempt === TRIES) {
        throw new FileError(
          `The file "${file.name}" could not be had: ${(error as Error).message}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000 * attempt));
    }
  }
}

const TRIES = 3;

async function fetchOne(url: string, file: TaskFile, path: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new FileError(`the storage answered ${response.status}`);
  }
  using target = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > file.size) break;
    hash.update(chunk);
    for (let rest = chunk; rest.length;) rest = rest.subarray(await target.write(rest));
  }
  if (size !== file.size) throw new FileError(`it has not the ${file.size} bytes that were sent`);
  if (file.sha256 && hash.digest("hex") !== file.sha256) {
    throw new FileError("its bytes are not the ones that were sent");
  }
}

const PATIENCE = 10 * 60_000;
