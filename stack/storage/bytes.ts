// Where the bytes of objects are: one file each, named by the object's version, so that nothing that a
// client sends becomes a path. A file is whole, or it is not there.
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { removeIfThere } from "../files.ts";
import { problems } from "./problem.ts";

/** In ms: how long an upload may send nothing. */
const PATIENCE = 30_000;

export interface Written {
  version: string;
  size: number;
  /** MD5, in quotes, as hosted Storage gives it. */
  etag: string;
}

export class Bytes {
  constructor(private readonly folder: string) {}

  /** Makes the folder, and throws away what uploads left behind that never came to an end. */
  async prepare(isKept: (versions: string[]) => Promise<Set<string>>): Promise<void> {
    await Deno.mkdir(this.folder, { recursive: true, mode: 0o700 });
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => name);
    const kept = await isKept(names);
    for (const name of names) if (!kept.has(name)) await removeIfThere(join(this.folder, name));
  }

  /** Writes a new version. Throws when there are more than `limit` bytes. */
  async write(source: AsyncIterable<Uint8Array>, limit: number): Promise<Written> {
    const version = randomUUID();
    const draft = `${this.#path(version)}.new`;
    const hash = createHash("md5");
    let size = 0;
    try {
      using file = await Deno.open(draft, { createNew: true, write: true, mode: 0o600 });
      for await (const chunk of withoutPauses(source)) {
        size += chunk.length;
        if (size > limit) throw problems.tooLarge();
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      }
      await file.sync();
      await Deno.rename(draft, this.#path(version));
    } catch (error) {
      await removeIfThere(draft);
      throw error;
    }
    using folder = await Deno.open(this.folder);
    await folder.sync();
    return { version, size, etag: `"${hash.digest("hex")}"` };
  }

  /** Opens a version; undefined when it has just been replaced or removed. */
  async open(version: string): Promise<Deno.FsFile | undefined> {
    try {
      return await Deno.open(this.#path(version));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async remove(versions: string[]): Promise<void> {
    for (const version of versions) await removeIfThere(this.#path(version));
  }

  #path(version: string): string {
    return join(this.folder, version);
  }
}

/** The bytes from `start` on, `length` of them. Closes the file at the end, or when it is given up. */
export function streamOf(
  file: Deno.FsFile,
  start: number,
  length: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = length;
  return new ReadableStream({
    async start() {
      await file.seek(start, Deno.SeekMode.Start);
    },
    async pull(controller) {
      const chunk = new Uint8Array(Math.min(left, 64 * 1024));
      const read = left > 0 ? await file.read(chunk) : null;
      if (read) {
        left -= read;
        controller.enqueue(chunk.subarray(0, read));
      }
      if (left > 0 && read) return;
      file.close();
      controller.close();
    },
    cancel() {
      file.close();
    },
  });
}

/** Gives an upload up that has stopped sending, so that it holds nothing for ever. */
async function* withoutPauses(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => reject(problems.invalidRequest(`The body stopped for more than ${PATIENCE} ms.`)),
        PATIENCE,
      );
      try {
        const { done, value } = await Promise.race([iterator.next(), promise]);
        if (done) return;
        yield value;
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    // Not waited for: what has stopped may never answer.
    iterator.return?.()?.catch?.(() => {});
  }
}
