import { cgroupPids } from "./cgroup.ts";

/** One running process, as this machine's process table shows it. */
export interface Process {
  pid: number;
  ppid: number;
  /** The process group. */
  pgid: number;
  /** When it started, in whatever form the system has it: with the pid, it names one process. */
  started: string;
}

/** All processes: from /proc on Linux, from `ps` elsewhere. */
export async function processTable(): Promise<Process[]> {
  return Deno.build.os === "linux" ? await fromProc() : await fromPs();
}

async function fromProc(): Promise<Process[]> {
  const found: Process[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const stat = await readIfThere(`/proc/${entry.name}/stat`);
    // The name in brackets may hold anything, brackets and spaces too.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (!fields || fields[0] === "Z") continue;
    found.push({
      pid: Number(entry.name),
      ppid: Number(fields[1]),
      pgid: Number(fields[2]),
      started: fields[19]!,
    });
  }
  return found;
}

async function fromPs(): Promise<Process[]> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-axo", "pid=,ppid=,pgid=,stat=,lstart="],
    env: { LC_ALL: "C" },
    stdout: "piped",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
    const [pid, ppid, pgid, state, ...started] = line.trim().split(/\s+/);
    if (!pid || state!.startsWith("Z")) return [];
    return [{
      pid: Number(pid),
      ppid: Number(ppid),
      pgid: Number(pgid),
      started: started.join(" "),
    }];
  });
}

/**
 * The processes of a run: everything started by `leader`, everything in a group of theirs and, on
 * Linux, everything that inherited `marker` in its environment although it left both, and everything
 * in the run's control group, where it has one.
 */
export async function processesOf(leader: number | null, marker: string): Promise<Process[]> {
  const table = await processTable();
  const found = new Map<number, Process>();
  if (leader !== null) {
    const pids = new Set([leader]);
    const groups = new Set([leader]);
    for (let size = -1; size !== found.size;) {
      size = found.size;
      for (const process of table) {
        if (!pids.has(process.pid) && !pids.has(process.ppid) && !groups.has(process.pgid)) {
          continue;
        }
        found.set(process.pid, process);
        pids.add(process.pid);
        groups.add(process.pgid);
      }
    }
  }
  if (Deno.build.os === "linux") {
    const grouped = new Set(cgroupPids(marker));
    for (const process of table) if (grouped.has(process.pid)) found.set(process.pid, process);
    for (const process of table) {
      if (found.has(process.pid)) continue;
      const environment = await readIfThere(`/proc/${process.pid}/environ`);
      if (environment?.includes(marker)) found.set(process.pid, process);
    }
  }
  found.delete(Deno.pid);
  return [...found.values()];
}

/** A file of /proc; null once its process has gone, or when it belongs to somebody else. */
async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return null;
    }
    if (error instanceof Error && /ESRCH|os error 3\b/.test(error.message)) return null;
    throw error;
  }
}
