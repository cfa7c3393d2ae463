import assert from "node:assert/strict";
import { readPatch, sideBySide } from "./patch.ts";

const PATCH = `diff --git a/src/a.ts b/src/a.ts
index 1..2 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@ function a() {
 one
-two
+zwei
+drei
--- a dash
diff --git a/old name.md b/new name.md
similarity index 90%
rename from old name.md
rename to new name.md
diff --git a/pic.png b/pic.png
Binary files a/pic.png and b/pic.png differ
diff --git "a/gr\\303\\266\\303\\237e.md" "b/gr\\303\\266\\303\\237e.md"
deleted file mode 100644
--- "a/gr\\303\\266\\303\\237e.md"
+++ /dev/null
@@ -1 +0,0 @@
-gone
\\ No newline at end of file
`;

Deno.test("readPatch() reads each file with its lines and their numbers", () => {
  const files = readPatch(PATCH);
  assert.deepEqual(files.map(({ path }) => path), [
    "src/a.ts",
    "new name.md",
    "pic.png",
    "größe.md",
  ]);
  assert.deepEqual(files[0]!.lines.map((line) => [line.kind, line.old, line.new, line.text]), [
    ["hunk", null, null, "function a() {"],
    ["same", 1, 1, "one"],
    ["deleted", 2, null, "two"],
    ["added", null, 2, "zwei"],
    ["added", null, 3, "drei"],
    ["deleted", 3, null, "-- a dash"],
  ]);
  assert.deepEqual(files[3]!.lines.map(({ text }) => text), ["", "gone"]);
});

Deno.test("sideBySide() puts what was added beside what it replaces", () => {
  const [file] = readPatch(PATCH);
  const pairs = sideBySide(file!.lines.slice(1));
  assert.deepEqual(pairs.map(({ left, right }) => [left?.text, right?.text]), [
    ["one", "one"],
    ["two", "zwei"],
    [undefined, "drei"],
    ["-- a dash", undefined],
  ]);
});
