import { ApiError } from "./api_error.ts";
import type { Hub } from "./hub.ts";
import type { RunRecord, Runs } from "./runs.ts";

/**
 * Ends and gives back what an executor that crashed has left, so that nobody waits for it. A crash
 * costs an attempt: a task that makes its executor crash would come back for ever otherwise.
 */
export async function giveBackLeftovers(
  { runs, hub, log }: { runs: Runs; hub: Hub; log(text: string): void },
): Promise<void> {
  await runs.killAll();
  for (const record of runs.list()) {
    try {
      await giveBack(record, hub);
      log(`${record.shortId} given back: this executor had crashed`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      log(`${record.shortId} was not given back: ${error.message}`);
      if (error.passing) continue;
    }
    runs.remove(record);
  }
}

function giveBack({ taskId, claimId, asking, session }: RunRecord, hub: Hub): Promise<unknown> {
  const claim = { id: taskId, claim_id: claimId };
  return asking
    ? hub.park(claim, session ?? null)
    : hub.fail(claim, "The executor or its machine went down while the task ran.", {
      retryable: true,
    });
}
