import type { Config } from "./config.ts";
import { FolderError, projectFolder } from "./folder.ts";
import { Git } from "./git/git.ts";
import { publish, PublishError } from "./git/publish.ts";
import { isThere, Records } from "./git/records.ts";
import type { ClaimedTask } from "./hub.ts";
import type { Outcome } from "./outcome.ts";

/** A task of kind `publish`: no agent runs, and nothing is tried again by itself. */
export async function runPublishing(
  task: ClaimedTask,
  { config, environment, signal }: {
    config: Config;
    environment: Record<string, string>;
    signal: AbortSignal;
  },
): Promise<Outcome> {
  try {
    const wanted = task.metadata?.publish as Wanted;
    const project = projectFolder(config.root, task.project);
    const git = new Git(environment);
    const { common } = await git.find(project);
    const told = await publish(git, { gitDir: common }, {
      branch: wanted.branch,
      base: wanted.base,
      title: wanted.title || wanted.branch,
      body: `Made by an agent for the task ${wanted.task_id.slice(0, 8)} on ${config.device}.`,
      pullRequest: wanted.pull_request,
    }, { environment, signal });
    const more = notPublished(config, common, wanted.branch);
    return { kind: "complete", result: [told, ...more].join("\n") };
  } catch (error) {
    if (!(error instanceof PublishError || error instanceof FolderError)) throw error;
    return { kind: "failed", error: error.message, retryable: false };
  }
}

/** As publish_changes has it. */
interface Wanted {
  task_id: string;
  branch: string;
  base: string;
  title: string;
  pull_request: boolean;
}

function notPublished({ stateFolder, device }: Config, common: string, branch: string): string[] {
  return new Records(stateFolder).list()
    .filter((record) => record.common === common && record.branch === branch)
    .filter(({ path }) => isThere(path))
    .map(({ path }) => `Not in it: what is on no branch in "${path}" on ${device}.`);
}
