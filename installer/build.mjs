// Makes dist/ of this package: the program as one file, and the supabase/ folder that it installs.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

rmSync(here("dist"), { recursive: true, force: true });
await build({
  input: here("main.ts"),
  platform: "node",
  logLevel: "warn",
  output: { file: here("dist/aura-servers.js"), banner: "#!/usr/bin/env node" },
});
for (const part of ["migrations", "functions", "config.toml"]) {
  cpSync(here(`../supabase/${part}`), here(`dist/supabase/${part}`), { recursive: true });
}
