import { killCgroup, leaveCgroup } from "./cgroup.ts";
import { type Process, processesOf } from "./processes.ts";

/** What names a run's processes: see `processesOf`. */
export interface Family {
  /** The pid of the first one, the leader of its own group; null when it is not known. */
  leader: number | null;
  /** A string in the environment of all of them. */
  marker: string;
}

/**
 * Ends all processes of a run: SIGTERM, and SIGKILL to whatever is left after `grace` ms. Agents
 * start their tools in groups and sessions of their own, so killing one group would not do.
 * Returns once nothing is left; throws when something survives SIGKILL.
 */
export async function killFamily(family: Family, grace = 5_000): Promise<void> {
  const patience = Date.now() + grace;
  const end = patience + SIGKILL_PATIENCE;
  let termed = false;
  while (true) {
    const left = await processesOf(family.leader, family.marker);
    if (left.length === 0) return leaveCgroup(family.marker);
    if (Date.now() >= end) {
      throw new Error(
        `These processes survived SIGKILL: ${left.map(({ pid }) => pid).join(", ")}.`,
      );
    }
    if (Date.now() >= patience) {
      killCgroup(family.marker);
      signal(left, "SIGKILL");
    } else if (!termed) signal(left, "SIGTERM");
    termed = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const SIGKILL_PATIENCE = 10_000;

function signal(processes: Process[], name: Deno.Signal) {
  // The groups first: that reaches what is being forked just now.
  const groups = new Set(processes.map(({ pgid }) => pgid));
  for (const target of [...[...groups].map((pgid) => -pgid), ...processes.map(({ pid }) => pid)]) {
    try {
      Deno.kill(target, name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
