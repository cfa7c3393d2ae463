// A task's whole life, dispatched by so many clients at once and then worked off by as many executors:
// what is measured is tasks a second over both.
import { rate } from "./measure.ts";
import { drain, type Worker } from "./peers.ts";

export interface Life {
  worker: Worker;
  /** What the worker is told; `executors` are as many as the clients that dispatch. */
  config: { executors: number; [name: string]: unknown };
  total: number;
  /** Empties everything. */
  clear: () => Promise<unknown>;
  dispatch: (call: number) => Promise<unknown>;
  /** Fresh statistics, before what was dispatched is worked off. */
  settle: () => Promise<unknown>;
}

export async function tasksPerSecond(life: Life): Promise<number> {
  const { worker, config, total, clear, dispatch, settle } = life;
  let dispatching = 0;
  const { ms } = await drain(worker, config, async (count) => {
    await clear();
    dispatching = count / await rate(count, config.executors, dispatch) * 1000;
    await settle();
  }, total);
  return total / (dispatching + ms) * 1000;
}
