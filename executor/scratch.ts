import { join } from "node:path";

/** A run's own folder outside of the project: files that came with the request, files to deliver. */
export class Scratch {
  readonly folder: string;
  readonly in: string;
  readonly out: string;

  constructor(stateFolder: string, marker: string) {
    this.folder = join(stateFolder, "scratch", marker);
    this.in = join(this.folder, "in");
    this.out = join(this.folder, "out");
    for (const folder of [this.in, this.out]) {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  }

  remove(): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Removes what runs of an executor that crashed have left. */
export function removeOldScratch(stateFolder: string): void {
  try {
    Deno.removeSync(join(stateFolder, "scratch"), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
