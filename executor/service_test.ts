import assert from "node:assert/strict";
import { service } from "./service.ts";

const COMMAND = {
  argv: ["/opt/my tools/deno", "run", "/home/me/a&b/main.ts", "--config", '/home/me/100%"$x.toml'],
  path: "/usr/bin:/opt/my tools",
  stateFolder: "/home/me/.aura/executor",
};

Deno.test("service() quotes for systemd", () => {
  const unit = service("systemd", COMMAND);
  assert.ok(unit.includes(
    'ExecStart="/opt/my tools/deno" "run" "/home/me/a&b/main.ts" "--config" ' +
      '"/home/me/100%%\\"$$x.toml"\n',
  ));
  assert.ok(unit.includes('Environment="PATH=/usr/bin:/opt/my tools"\n'));
});

Deno.test("service() escapes for launchd", () => {
  const plist = service("launchd", COMMAND);
  assert.ok(plist.includes("<string>/home/me/a&amp;b/main.ts</string>"));
  assert.ok(plist.includes("<string>/home/me/.aura/executor/executor.log</string>"));
});
