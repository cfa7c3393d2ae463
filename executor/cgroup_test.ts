import assert from "node:assert/strict";
import { cgroupPids, enterCgroup, leaveCgroup } from "./cgroup.ts";
import { killFamily } from "./kill.ts";
import { processesOf, processTable } from "./processes.ts";

/** Leaves its group, its session, its environment and its parent. */
const ESCAPE = `(env -i setsid sh -c 'sh -c "sleep 1000; exit" & sleep 1000' &) ; sleep 1000`;

const possible = await (async () => {
  if (Deno.build.os !== "linux") return false;
  const marker = crypto.randomUUID();
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  enterCgroup(marker, child.pid);
  const entered = cgroupPids(marker).includes(child.pid);
  child.kill("SIGKILL");
  await child.status;
  leaveCgroup(marker);
  return entered;
})();

Deno.test({
  name: "killFamily() ends what has left group, session, environment and parent",
  // Nobody lets us make a group here.
  ignore: !possible,
  async fn() {
    const marker = crypto.randomUUID();
    const child = new Deno.Command("sh", {
      args: ["-c", `read go; ${ESCAPE}`],
      env: { AURA_RUN: marker },
      detached: true,
      stdin: "piped",
    }).spawn();
    enterCgroup(marker, child.pid);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    await writer.close();
    while (cgroupPids(marker).length < 4) await new Promise((next) => setTimeout(next, 20));
    const pids = (await processesOf(child.pid, marker)).map(({ pid }) => pid);
    assert.ok(pids.length >= 4, pids.join());
    await killFamily({ leader: child.pid, marker }, 200);
    assert.deepEqual(cgroupPids(marker), []);
    await child.status;
    const left = (await processTable()).filter(({ pid }) => pids.includes(pid));
    assert.deepEqual(left, []);
  },
});
