/** Files between this machine and a channel. Names are data: nothing that is here already is replaced. */
import { constants } from "node:fs";
import { lstat, mkdir, open, readFile, stat } from "node:fs/promises";
import { basename, join, parse } from "node:path";
import { type AuraClient, AuraError, type HubFile } from "../client/index.ts";

/** Sends files for a request in a channel; all are looked at before the first is sent. */
export async function sendFiles(
  aura: AuraClient,
  channelId: string,
  paths: string[],
): Promise<HubFile[]> {
  if (paths.length === 0) return [];
  const { limits } = await aura.whoami();
  for (const path of paths) await requireSendable(path, limits.max_file_size);
  const sent: HubFile[] = [];
  for (const path of paths) {
    const bytes = new Blob([await readFile(path)]);
    sent.push(await aura.sendFile(channelId, basename(path), bytes));
  }
  return sent;
}

async function requireSendable(path: string, most: number): Promise<void> {
  const info = await stat(path).catch((error) => {
    throw new AuraError("bad_argument", 400, `"${path}" cannot be read: ${error.message}.`);
  });
  if (!info.isFile()) throw new AuraError("bad_argument", 400, `"${path}" is no file.`);
  if (info.size > most) {
    const sentence = `"${path}" has ${info.size} bytes; ${most} are allowed.`;
    throw new AuraError("file_too_large", 413, sentence);
  }
}

/** Writes a file into a folder, under its name or, where that is taken, as `name (2).ext`; returns the path. */
export async function saveFile(aura: AuraClient, file: HubFile, folder: string): Promise<string> {
  const bytes = new Uint8Array(await (await aura.downloadFile(file)).arrayBuffer());
  await mkdir(folder, { recursive: true });
  for (let number = 1;; number++) {
    const path = join(folder, numbered(file.name, number));
    // The flags refuse what is there already, a dangling link too; the look says so without an error.
    if (await lstat(path).catch(() => undefined)) continue;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const handle = await open(path, flags, 0o600);
    try {
      await handle.writeFile(bytes);
    } finally {
      await handle.close();
    }
    return path;
  }
}

function numbered(name: string, number: number): string {
  if (number === 1) return name;
  const { name: stem, ext } = parse(name);
  return `${stem} (${number})${ext}`;
}

/** A size as people read it: 12 kB. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
