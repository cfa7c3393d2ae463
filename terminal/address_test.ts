import assert from "node:assert/strict";
import { addressWarning } from "./address.ts";

Deno.test("addressWarning() warns of http elsewhere than on this machine", () => {
  for (
    const host of ["example.com", "192.168.1.5:54321", "127.0.0.1.example.com", "localhost.example"]
  ) {
    assert.match(addressWarning(`http://${host}/x`)!, /^Warning: http:\/\/.* is http, not https/);
    assert.equal(addressWarning(`https://${host}/x`), undefined);
  }
  for (
    const host of ["localhost:54321", "127.0.0.1", "127.1.2.3:1", "[::1]:54321", "a.localhost"]
  ) {
    assert.equal(addressWarning(`http://${host}`), undefined);
  }
  assert.equal(addressWarning("no address"), undefined);
});
