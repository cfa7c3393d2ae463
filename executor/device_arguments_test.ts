import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { deviceArguments, geminiRules } from "./device_arguments.ts";
import { permissionsOf } from "./permissions/table.ts";

const table = permissionsOf({
  allow: ["edit", "npm test"],
  ask: ["npm install", "web"],
  deny: ["git push", "tool:Agent"],
});
const device = { table, folders: ["/project", "/out"], mcp: null, notice: "" };

Deno.test("deviceArguments() makes Claude ask, whatever was once allowed on this machine", () => {
  const argv = deviceArguments("claude", { ...device, scratch: "/nowhere" });
  assert.deepEqual(argv.slice(0, 2), ["--permission-mode", "default"]);
  const { permissions } = JSON.parse(argv[argv.indexOf("--settings") + 1]!);
  assert.deepEqual(permissions, {
    ask: ["WebFetch", "WebSearch", "Bash(npm install:*)"],
    deny: ["Agent", "Bash(git push:*)"],
  });
  assert.deepEqual(argv.slice(-2), ["--add-dir", "/out"]);
});

Deno.test("deviceArguments() gives Gemini the table as a policy; what would be asked is refused", () => {
  const scratch = Deno.makeTempDirSync();
  const argv = deviceArguments("gemini", { ...device, scratch });
  const path = argv[argv.indexOf("--policy") + 1]!;
  const written = JSON.parse(JSON.stringify(parse(Deno.readTextFileSync(path))));
  assert.deepEqual(written, { rule: geminiRules(table) });
  const shell = "run_shell_command";
  assert.deepEqual(geminiRules(table), [
    { toolName: ["write_file", "replace"], decision: "allow", priority: 500 },
    { toolName: shell, commandPrefix: ["npm test"], decision: "allow", priority: 500 },
    { toolName: ["web_fetch", "google_web_search"], decision: "deny", priority: 600 },
    { toolName: shell, commandPrefix: ["npm install"], decision: "deny", priority: 600 },
    { toolName: ["Agent"], decision: "deny", priority: 700 },
    { toolName: shell, commandPrefix: ["git push"], decision: "deny", priority: 700 },
  ]);
  Deno.removeSync(scratch, { recursive: true });
});

Deno.test("deviceArguments() adds nothing to programs that are told in other ways", () => {
  for (const format of ["codex", "acp", "text", "claude-headless"] as const) {
    assert.deepEqual(deviceArguments(format, { ...device, scratch: "/nowhere" }), []);
  }
});
