// Makes dist/ of this package: the executor and the programs that it starts of its own, one file each.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

rmSync(here("dist"), { recursive: true, force: true });
await build({
  input: { main: here("main.ts"), watcher: here("watcher.ts"), mcp: here("mcp/server.ts") },
  platform: "node",
  logLevel: "warn",
  output: { dir: here("dist") },
});
