import { join } from "node:path";

/** What is known of a working tree and its branch; kept until the branch is cleared away. */
export interface TreeRecord {
  name: string;
  /** Where it is, or was. */
  path: string;
  /** The project's repository: its top folder, its git folder, and the one it shares. */
  top: string;
  repository: string;
  common: string;
  /** The working tree's own git folder; null until it is checked out. */
  gitDir: string | null;
  branch: string;
  /** What the branch began from; `branch` is null where no branch was checked out. */
  base: { branch: string | null; commit: string };
  /** The short ids of its tasks. */
  tasks: string[];
}

/** Whether the folder still is the working tree that was checked out; an agent can change that. */
export function isIntact({ path, gitDir }: TreeRecord): boolean {
  try {
    const file = join(path, ".git");
    return Deno.lstatSync(file).isFile &&
      Deno.readTextFileSync(file).trim() === `gitdir: ${gitDir}` &&
      Deno.readTextFileSync(join(gitDir!, "gitdir")).trim() === file;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** Whether something is at the path, be it a link to nothing. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export class Records {
  readonly #folder: string;

  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, "trees");
  }

  read(name: string): TreeRecord | null {
    try {
      return JSON.parse(Deno.readTextFileSync(this.#path(name)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  write(record: TreeRecord): void {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(record.name);
    Deno.writeTextFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  }

  remove(name: string): void {
    Deno.removeSync(this.#path(name));
  }

  list(): TreeRecord[] {
    try {
      return [...Deno.readDirSync(this.#folder)]
        .filter((entry) => entry.name.endsWith(".json"))
        .map((entry) => this.read(entry.name.slice(0, -".json".length))!)
        .sort((one, other) => one.name.localeCompare(other.name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}
