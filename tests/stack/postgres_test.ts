import assert from "node:assert/strict";
import { unprivilegedUser } from "../../stack/postgres.ts";

Deno.test("unprivilegedUser() is aura-postgres where there is one, else nobody", () => {
  const others = "root:x:0:0:root:/root:/bin/bash\nnot-aura-postgres:x:5:5::/:/bin/false\n";
  assert.deepEqual(unprivilegedUser(others), { uid: 65534, gid: 65534 });
  assert.deepEqual(unprivilegedUser(`${others}aura-postgres:x:990:991::/:/bin/false\n`), {
    uid: 990,
    gid: 991,
  });
});
