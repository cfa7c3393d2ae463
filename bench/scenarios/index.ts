// All scenarios, in the order in which they run.
import type { Scenario } from "../scenario.ts";
import { decay } from "./decay.ts";
import { http } from "./http.ts";
import { koji } from "./koji.ts";
import { messages } from "./messages.ts";
import { pages } from "./pages.ts";
import { queue } from "./queue.ts";
import { realtime } from "./realtime.ts";
import { stack } from "./stack.ts";

export const scenarios: Scenario[] = [
  http,
  realtime,
  stack,
  queue,
  messages,
  pages,
  decay,
  koji,
];
