// Makes dist/ of this package: the program as one file, and the supabase/ folder that it installs.
import { cpSync } from "node:fs";
import { bundle } from "../bundle.mjs";

await bundle(import.meta.url, { "aura-servers": "main.ts" }, { banner: "#!/usr/bin/env node" });
for (const part of ["migrations", "functions", "config.toml"]) {
  const [from, to] = [`../supabase/${part}`, `dist/supabase/${part}`]
    .map((path) => new URL(path, import.meta.url));
  cpSync(from, to, { recursive: true });
}
