// All scenarios, in the order in which they run.
import type { Scenario } from "../scenario.ts";
import { backlog } from "./backlog.ts";
import { churn } from "./churn.ts";
import { costs } from "./costs.ts";
import { decay } from "./decay.ts";
import { enqueue } from "./enqueue.ts";
import { http } from "./http.ts";
import { koji } from "./koji.ts";
import { latency } from "./latency.ts";
import { messages } from "./messages.ts";
import { pages } from "./pages.ts";
import { pipeline } from "./pipeline.ts";
import { queue } from "./queue.ts";
import { realtime } from "./realtime.ts";
import { samework } from "./samework.ts";
import { stack } from "./stack.ts";

export const scenarios: Scenario[] = [
  http,
  realtime,
  stack,
  enqueue,
  queue,
  latency,
  pipeline,
  samework,
  backlog,
  churn,
  messages,
  pages,
  decay,
  koji,
  costs,
];
