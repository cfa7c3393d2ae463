// What has passed and failed so far, said as it happens.

export class Report {
  passed = 0;
  failed = 0;

  /** Runs one check that passes or fails as a whole; it fails when it throws. */
  async check(name: string, run: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await run();
      this.add(name, { passed: 1, failed: 0, start });
    } catch (error) {
      this.add(name, { passed: 0, failed: 1, start, details: (error as Error).message });
    }
  }

  /** Takes the outcome of several tests in. `start` is when they began, as performance.now(). */
  add(
    name: string,
    outcome: { passed: number; failed: number; start: number; details?: string },
  ): void {
    const { passed, failed, start, details } = outcome;
    this.passed += passed;
    this.failed += failed;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${failed ? "FAIL" : "ok  "} ${name}: ${passed} passed, ${failed} failed (${seconds} s)`,
    );
    if (details) console.log(details.trimEnd().replace(/^/gm, "     "));
  }
}
