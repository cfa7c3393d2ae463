// All scenarios, in the order in which they run.
import type { Scenario } from "../scenario.ts";
import { messages } from "./messages.ts";
import { queue } from "./queue.ts";

export const scenarios: Scenario[] = [queue, messages];
