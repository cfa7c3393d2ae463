#!/usr/bin/env node
// The npm bin: npm starts it on Node, the program itself runs on the project's Deno.
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const deno = execFileSync(process.execPath, [here("../stack/install.mjs")], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
const child = spawn(deno, [
  "run",
  "-A",
  here("main.ts"),
  ...process.argv.slice(2),
], {
  stdio: "inherit",
});
// A terminal sends its signals to both: the program decides how it ends.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => process.exit(code ?? 1));
