// graphile-worker with jobs that do nothing.
import { configuration, whenTold } from "../workers/protocol.ts";
import { poolOf, workOff } from "./jobs.ts";

const { url, executors, claim, batchCompletion = false } = configuration<
  { url: string; executors: number; claim: number; batchCompletion?: boolean }
>();
const jobs = {
  pool: poolOf(url, executors),
  executors,
  name: "bench",
  work: () => {},
  preset: {
    ...claim > 1 ? { localQueue: { size: claim } } : {},
    ...batchCompletion ? { completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {},
  },
};

await whenTold((total) => workOff(jobs, total));
