import assert from "node:assert/strict";
import type { ClaimedTask } from "./hub.ts";
import { promptOf } from "./prompt.ts";

const claimed = (task: Partial<ClaimedTask>) => task as ClaimedTask;

Deno.test("promptOf() is a task's content", () => {
  const metadata = { goal: "ignored" };
  assert.equal(promptOf(claimed({ content: "Fix it", kind: "task", metadata })), "Fix it");
  assert.equal(promptOf(claimed({ content: "Fix it", kind: "subtask", metadata: {} })), "Fix it");
});

Deno.test("promptOf() shows a subtask the whole request", () => {
  const metadata = { goal: "Make it safe:\n- tests\n- docs" };
  const prompt = promptOf(claimed({ content: "tests", kind: "subtask", metadata }));
  assert(prompt.startsWith("tests\n"));
  assert(prompt.endsWith(metadata.goal));
});
