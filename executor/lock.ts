import { join } from "node:path";
import { SetupError } from "./config.ts";

/**
 * Makes sure that one executor uses a state folder. The system frees the lock when the process
 * ends, however it ends.
 */
export async function lockState(stateFolder: string): Promise<void> {
  const file = openLock(stateFolder);
  if (!await file.tryLock(true)) {
    file.close();
    throw new SetupError(
      `An executor with this configuration is running already. See it with "status"; a second ` +
        `device on this machine needs a configuration of its own ("enroll --name … --config …").`,
    );
  }
}

/** Whether an executor runs on this state folder. */
export async function isLocked(stateFolder: string): Promise<boolean> {
  const file = openLock(stateFolder);
  try {
    return !await file.tryLock(true);
  } finally {
    file.close();
  }
}

function openLock(stateFolder: string): Deno.FsFile {
  Deno.mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  return Deno.openSync(join(stateFolder, "lock"), { create: true, write: true, mode: 0o600 });
}
