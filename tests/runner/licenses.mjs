// `npm run licenses`: the licence of every package that the lock files name, by licence. Fails on one
// that is not known to allow what this project does: use, change, and pass on.
import { readFileSync } from "node:fs";
import process from "node:process";

const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "MPL-2.0", // by file: tools of the build and the tests, which nothing here changes
  "OFL-1.1", // fonts
  "Python-2.0",
  "Unlicense",
]);

const byLicense = new Map();
for (const file of process.argv.slice(2)) {
  const { packages } = JSON.parse(readFileSync(file, "utf8"));
  for (const [path, { license = "none", link, version }] of Object.entries(packages)) {
    const [, name] = /^(?:.*\/)?node_modules\/(.+)$/.exec(path) ?? [];
    if (!name || link) continue;
    if (!byLicense.has(license)) byLicense.set(license, new Set());
    byLicense.get(license).add(`${name} ${version}`);
  }
}
for (const [license, names] of [...byLicense].sort()) {
  console.log(`${license} (${names.size})\n  ${[...names].sort().join("\n  ")}`);
}
// One of several, as in "(MIT OR CC0-1.0)", is enough.
const isAllowed = (license) =>
  license.replace(/^\((.*)\)$/, "$1").split(" OR ").some((name) => ALLOWED.has(name));
const refused = [...byLicense.keys()].filter((license) => !isAllowed(license));
if (refused.length > 0) {
  console.error(`Not on the list of allowed licences: ${refused.join(", ")}.`);
  process.exitCode = 1;
}
