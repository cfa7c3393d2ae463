// A stack owns its state directory and its ports; a second one must notice before it does harm.
import { join } from "node:path";

/** Locks the state directory until this process ends, however it ends. */
export async function claimState(state: string): Promise<void> {
  await Deno.mkdir(state, { recursive: true });
  const path = join(state, "lock");
  // Whoever could read it could hold it, too.
  const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
  await Deno.chmod(path, 0o600);
  if (await file.tryLock(true)) return;
  throw new Error(
    `A stack is running with the state directory "${state}" already. Stop it first, or set ` +
      `AURA_STATE_DIR to another directory.`,
  );
}

/** Throws when something listens on the port. `variable` is the setting that names another. */
export function requireFreePort(port: number, variable: string): void {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(
      `Port ${port} is in use already, perhaps by another stack. Stop that, or set ${variable} ` +
        `to another port.`,
      { cause },
    );
  }
}
