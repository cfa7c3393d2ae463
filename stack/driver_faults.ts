// postgres.js throws where nobody can catch it when the server goes away between a write being
// scheduled and being done (porsager/postgres#1154). The query has been rejected by then, or is cut off
// by the gateway: the process must survive it.

/** Keeps the process alive through faults of the driver's own, and says so on the console. */
export function surviveDriverFaults(): void {
  addEventListener("error", (event) => {
    if (!isDriverFault(event.error)) return;
    event.preventDefault();
    console.error(`The database driver lost its connection: ${event.error.message}`);
  });
  addEventListener("unhandledrejection", (event) => {
    if (!isDriverFault(event.reason)) return;
    event.preventDefault();
    console.error(`The database driver lost its connection: ${event.reason.message}`);
  });
}

function isDriverFault(error: unknown): error is Error {
  return error instanceof Error &&
    /node_modules\/postgres\/src\/connection\.js/.test(error.stack ?? "");
}
