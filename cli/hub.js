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
// The program decides how it ends; hearing of it twice, as from a terminal, does no harm.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 130));
