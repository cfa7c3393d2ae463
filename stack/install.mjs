// Installs what is missing of the npm packages, and prints the path of the Deno that runs everything else.
// Runs on plain Node, before anything is there. Everything but the path goes to stderr, since
// package.json reads the path from stdout: deno="$(node stack/install.mjs)" && exec "$deno" run ...
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, ".local-install");

if (missing()) {
  takeLock();
  try {
    // Another start may have finished the installation while this one waited for the lock.
    const found = missing();
    if (found) install(found);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
process.stdout.write(denoPath());

/** The first package of the lock file that is not installed in the locked version. */
function missing() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.keys(packages).find((path) => {
    const entry = packages[path];
    if (!path.includes("node_modules/") || entry.link || !isForThisMachine(entry)) return false;
    return installedVersion(path) !== entry.version;
  });
}

function installedVersion(path) {
  const manifest = join(root, path, "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : undefined;
}

/** Of the optional packages those count that are made for one kind of machine, when it is this one. */
function isForThisMachine({ optional, peer, os, cpu, libc }) {
  if (os && !os.includes(process.platform)) return false;
  if (cpu && !cpu.includes(process.arch)) return false;
  if (libc) return libc.includes(libcHere());
  return !(optional || peer) || Boolean(os || cpu);
}

function libcHere() {
  return process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
}

/** Adds to an existing node_modules, since other stacks may run from it; `npm ci` would delete it first. */
function install(found) {
  console.error(`Installing npm packages (${found} is missing) ...`);
  const fresh = !existsSync(join(root, "node_modules"));
  // Only errors: some packages ask for a newer Node than the one that runs npm, but Deno runs them.
  const args = [...(fresh ? ["ci"] : ["install", "--no-save"]), "--loglevel=error"];
  const npm = spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (npm.status !== 0) {
    throw new Error(`"npm ${args.join(" ")}" ended with ${npm.status ?? npm.error}.`);
  }
}

/** Two starts in a fresh clone must not install at once. A directory is the one thing made atomically. */
function takeLock() {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pid"), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!holderIsAlive()) rmSync(lock, { recursive: true, force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function holderIsAlive() {
  try {
    process.kill(Number(readFileSync(join(lock, "pid"), "utf8")) || NaN, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The program itself: the package's own wrapper would stay between npm and the stack as a process. */
function denoPath() {
  const require = createRequire(join(root, "package.json"));
  const api = require.resolve("deno/install_api.cjs");
  return createRequire(api)("./install_api.cjs").runInstall();
}
