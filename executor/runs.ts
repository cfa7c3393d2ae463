import { join } from "node:path";
import { type Family, killFamily } from "./kill.ts";
import { processTable } from "./processes.ts";

/** A run on this machine, written down before its agent starts and removed once it has ended. */
export interface RunRecord {
  taskId: string;
  shortId: string;
  claimId: string;
  /** The device's id in the hub that the task is of. */
  deviceId: string;
  model: string;
  project: string;
  /** ISO time. */
  since: string;
  marker: string;
  /** Set once the agent runs; with `started` it names that process and no later one. */
  pid?: number;
  started?: string;
  /** It waits for a person: what is left of it waits, too, instead of being tried again. */
  asking?: boolean;
  session?: string;
}

/**
 * The runs of one executor, in its state folder, so that a crash of the executor leaves a trace; those for
 * one hub, where its device's id is given.
 */
export class Runs {
  readonly #folder: string;
  readonly #deviceId: string | undefined;

  constructor(stateFolder: string, deviceId?: string) {
    this.#folder = join(stateFolder, "runs");
    this.#deviceId = deviceId;
  }

  write(record: RunRecord): void {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(record.marker);
    // Renamed into place: a crash in between must not leave half a record.
    Deno.writeTextFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  }

  remove(record: RunRecord): void {
    try {
      Deno.removeSync(this.#path(record.marker));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  list(): RunRecord[] {
    try {
      return [...Deno.readDirSync(this.#folder)]
        .filter((entry) => entry.name.endsWith(".json"))
        .map((entry) => JSON.parse(Deno.readTextFileSync(join(this.#folder, entry.name))))
        .filter(({ deviceId }) => this.#deviceId === undefined || deviceId === this.#deviceId);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Ends whatever an executor that crashed has left running. The records stay. */
  async killAll(): Promise<void> {
    const table = await processTable();
    await Promise.all(this.list().map((record) => killFamily(familyOf(record, table), 0)));
  }

  #path(marker: string): string {
    return join(this.#folder, `${marker}.json`);
  }
}

function familyOf(
  record: RunRecord,
  table: { pid: number; started: string }[],
): Family {
  // A pid may belong to a stranger by now; with the same start time it does not.
  const alive = table.some(({ pid, started }) => pid === record.pid && started === record.started);
  return { leader: alive ? record.pid! : null, marker: record.marker };
}
