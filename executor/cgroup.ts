// A control group for each run, where Linux lets this user make one (cgroup v2, as below systemd's
// user manager): whatever a run starts stays in it, however it leaves group, session and environment.
import { join } from "node:path";

/** Puts a process, and with it all that it will start, into the group of its run. */
export function enterCgroup(marker: string, pid: number): void {
  const group = groupOf(marker);
  if (!group) return;
  removeEmpty();
  try {
    Deno.mkdirSync(group);
    Deno.writeTextFileSync(join(group, "cgroup.procs"), String(pid));
  } catch (error) {
    // Not ours to make, or the process has ended already: it is found in the other ways.
    if (!isExpected(error)) throw error;
    leaveCgroup(marker);
  }
}

/** The pids in the group of a run, those of groups that it has made below included. */
export function cgroupPids(marker: string): number[] {
  const group = groupOf(marker);
  return group ? pidsBelow(group) : [];
}

/** Ends all of a group at once, before it can fork; where the kernel can (5.14). */
export function killCgroup(marker: string): void {
  const group = groupOf(marker);
  if (!group) return;
  try {
    Deno.writeTextFileSync(join(group, "cgroup.kill"), "1", { create: false });
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

/** Removes the group of a run in which nothing is left. */
export function leaveCgroup(marker: string): void {
  const group = groupOf(marker);
  if (group) removeBelow(group);
}

/** What a killed executor has left: a group cannot be removed while its dead are not buried. */
function removeEmpty(): void {
  const own = ownGroup();
  if (!own) return;
  try {
    for (const group of groupsIn(own)) {
      if (/\/aura-[^/]*$/.test(group) && pidsBelow(group).length === 0) removeBelow(group);
    }
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

function groupOf(marker: string): string | null {
  const own = ownGroup();
  return own && join(own, `aura-${marker}`);
}

/** Where this process is: `0::/path`, below wherever cgroup v2 is mounted. */
function ownGroup(): string | null {
  if (Deno.build.os !== "linux") return null;
  const path = /^0::(.*)$/m.exec(Deno.readTextFileSync("/proc/self/cgroup"))?.[1];
  if (path === undefined) return null;
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
    const [mount, kind] = line.split(" - ");
    const [, , , root, point] = mount!.split(" ");
    if (!kind?.startsWith("cgroup2 ") || !point) continue;
    // In a container a part of the tree is mounted.
    if (root === "/") return join(unescaped(point), path);
    if (path === root || path.startsWith(`${root}/`)) {
      return join(unescaped(point), path.slice(root!.length));
    }
  }
  return null;
}

/** mountinfo writes spaces and the like as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

function pidsBelow(group: string): number[] {
  try {
    const own = Deno.readTextFileSync(join(group, "cgroup.procs")).split("\n").filter(Boolean);
    return [...own.map(Number), ...groupsIn(group).flatMap(pidsBelow)].filter((pid) => pid > 0);
  } catch (error) {
    if (isExpected(error)) return [];
    throw error;
  }
}

function removeBelow(group: string): void {
  try {
    groupsIn(group).forEach(removeBelow);
    Deno.removeSync(group);
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

function groupsIn(group: string): string[] {
  return [...Deno.readDirSync(group)].filter((entry) => entry.isDirectory)
    .map((entry) => join(group, entry.name));
}

function isExpected(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory ||
    // ESRCH, EBUSY, EROFS, ENODEV, EOPNOTSUPP
    error instanceof Error && /os error (3|16|30|19|95)\b/.test(error.message);
}
