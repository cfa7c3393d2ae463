// Makes dist/hub.js of this package: the program as one file, for Node.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

rmSync(here("dist"), { recursive: true, force: true });
await build({
  input: here("main.ts"),
  platform: "node",
  logLevel: "warn",
  output: { file: here("dist/hub.js"), banner: "#!/usr/bin/env node", codeSplitting: false },
});
