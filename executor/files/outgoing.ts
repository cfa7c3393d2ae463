import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { ApiError, deliver } from "../api_error.ts";
import type { Claim, Hub, NewFile } from "../hub.ts";
import { safeName } from "./incoming.ts";
import { mediaType } from "./media_type.ts";

export interface Delivery {
  hub: Pick<Hub, "offerFile">;
  claim: Claim;
  signal: AbortSignal;
  log(text: string): void;
}

/**
 * Uploads what is left in a folder. No link is followed, and nothing is read whole into the memory.
 * What cannot be delivered is told to the hub, which shows it. Returns the names that arrived.
 */
export async function deliverFiles(folder: string, delivery: Delivery): Promise<string[]> {
  const delivered: string[] = [];
  for (const path of leftIn(folder)) {
    const name = safeName(relative(folder, path).replaceAll("/", "-"));
    try {
      if (await deliverOne(path, name, delivery)) delivered.push(name);
    } catch (error) {
      if (error instanceof ApiError && error.gone) return delivered;
      delivery.log(`"${name}" was not delivered: ${(error as Error).message}`);
      await tell(name, (error as Error).message, delivery);
    }
  }
  return delivered;
}

/** All files, and the links in the place of files, in their order. */
function leftIn(folder: string, depth = 0): string[] {
  const entries = [...Deno.readDirSync(folder)].sort((one, other) =>
    one.name < other.name ? -1 : 1
  );
  return entries.flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return !isDirectory ? [path] : depth < DEEPEST ? leftIn(path, depth + 1) : [];
  });
}

const DEEPEST = 5;

async function deliverOne(path: string, name: string, delivery: Delivery): Promise<boolean> {
  const file = await openPlain(path);
  try {
    const { size } = await file.stat();
    const about = { name, media_type: mediaType(name), size, sha256: await digest(file, size) };
    const offered = await offer(about, delivery);
    if (offered.state === "failed") return false;
    if (offered.url === null) return true;
    await upload(offered.url, file, about);
    return true;
  } finally {
    await file.close();
  }
}

/** A regular file itself: a link would be read wherever it leads. */
async function openPlain(path: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error) => {
    if (error.code === "ELOOP") throw new Error("it is a link, and links are not followed");
    throw error;
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error("it is no file");
}

async function digest(file: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of parts(file, size)) hash.update(chunk);
  return hash.digest("hex");
}

/** The first `size` bytes, however often they are read. */
async function* parts(file: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(256 * 1024);
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) throw new Error("it became shorter while it was read");
    at += bytesRead;
    yield buffer.slice(0, bytesRead);
  }
}

async function offer(about: NewFile, { hub, claim, signal, log }: Delivery) {
  let offered: { state: string; url: string | null } | undefined;
  await deliver(async () => offered = await hub.offerFile(claim, about), {
    signal,
    onDelay: (error) => log(`"${about.name}" will be offered again: ${error.message}`),
  });
  if (!offered) throw new Error("the hub did not take it");
  return offered;
}

async function upload(url: string, file: FileHandle, about: NewFile): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const response = await fetch(url, {
      method: "PUT",
      headers: { "content-type": about.media_type, "content-length": String(about.size) },
      body: Readable.toWeb(Readable.from(parts(file, about.size))) as ReadableStream<Uint8Array>,
      signal: AbortSignal.timeout(PATIENCE),
    }).catch((error: Error) => error);
    if (response instanceof Response) {
      await response.body?.cancel();
      if (response.ok) return;
    }
    const passing = response instanceof Error || response.status >= 500;
    if (!passing || attempt === TRIES) {
      const why = response instanceof Error ? response.message : `it answered ${response.status}`;
      throw new Error(`the storage did not take it: ${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000 * attempt));
  }
}

const TRIES = 3;
const PATIENCE = 10 * 60_000;

/** So that the people who wait for it learn why it does not come. */
async function tell(name: string, why: string, delivery: Delivery): Promise<void> {
  try {
    const about = { name, media_type: mediaType(name), size: 0, sha256: null, error: why };
    await offer(about, delivery);
  } catch (error) {
    delivery.log(`"${name}": the hub was not told either: ${(error as Error).message}`);
  }
}
