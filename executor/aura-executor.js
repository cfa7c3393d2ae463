#!/usr/bin/env node
// The package's program: starts the executor on the Deno that comes along.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const api = createRequire(import.meta.url).resolve("deno/install_api.cjs");
const deno = createRequire(api)("./install_api.cjs").runInstall();
const main = fileURLToPath(new URL("dist/main.js", import.meta.url));
const child = spawn(deno, ["run", "-A", "--no-config", main, ...process.argv.slice(2)], {
  stdio: "inherit",
});
// A terminal sends its signals to both: the executor decides how it ends.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => process.exit(code ?? 1));
