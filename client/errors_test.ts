import assert from "node:assert/strict";
import { AuraError, isPassing, toAuraError, UnavailableError } from "./errors.ts";

Deno.test("isPassing() is so for no answer, too many requests and the server's own faults", () => {
  assert.deepEqual([0, 200, 400, 403, 404, 408, 409, 429, 500, 503].filter(isPassing), [
    0,
    408,
    429,
    500,
    503,
  ]);
});

Deno.test("toAuraError() makes what may succeed later an UnavailableError, with its own name", () => {
  const busy = toAuraError(
    { code: "PT503", details: "busy", message: "Wait.", hint: "Try again." },
    503,
  );
  assert(busy instanceof UnavailableError);
  assert.deepEqual([busy.name, busy.hint], ["busy", "Try again."]);
  assert(toAuraError({ message: "gone" }, 0) instanceof UnavailableError);
  const limit = toAuraError(
    { code: "PT429", details: "too_many_open_tasks", message: "Wait." },
    429,
  );
  assert(limit instanceof AuraError && !(limit instanceof UnavailableError));
});
