import type { Config } from "./config.ts";
import { projectFolder } from "./folder.ts";
import type { ClosedTree } from "./git/close.ts";
import { openTree } from "./git/tree.ts";
import type { ClaimedTask } from "./hub.ts";

/** Where a task's agent works. */
export interface Workplace {
  folder: string;
  /** Keeps what the agent left in a working tree, and tells where; null where there is none. */
  close(patchFile?: string): Promise<ClosedTree | null>;
}

/** The project's folder, or a working tree of it, as the configuration says. */
export async function openWorkplace(
  task: ClaimedTask,
  config: Config,
  environment: Record<string, string>,
): Promise<Workplace> {
  const { root, missingProjects, device, stateFolder } = config;
  const project = projectFolder(root, task.project, missingProjects);
  if (config.isolation === "none") {
    return { folder: project, close: () => Promise.resolve(null) };
  }
  const tree = await openTree({
    project,
    key: branchKey(task),
    task: task.short_id,
    device,
    stateFolder,
    environment,
  });
  const message = `Task ${task.short_id} by ${task.model}`;
  return { folder: tree.folder, close: (patchFile) => tree.close(message, patchFile) };
}

/**
 * A thread's tasks run one after another on one branch; the subtasks of a team run at once. A review
 * on a flat channel goes on with the branch of the task that made it.
 */
function branchKey({ kind, task_thread_id, short_id, metadata }: ClaimedTask): string {
  if (kind !== "task") return short_id;
  if (task_thread_id) return task_thread_id.slice(0, 8);
  return typeof metadata?.branch_of === "string" ? metadata.branch_of.slice(0, 8) : short_id;
}
