import type { AgentReport } from "./agents/agent.ts";

/**
 * Says so when a model's server has not answered for half a minute, while no tool is at work and
 * nobody has been asked.
 */
export class Silence {
  readonly #timer: ReturnType<typeof setInterval>;
  #since = performance.now();
  #told = false;

  constructor(report: AgentReport, isAsking: () => boolean, step: (text: string) => void) {
    this.#timer = setInterval(() => {
      const seconds = Math.round((performance.now() - this.#since) / 1000);
      if (isAsking()) this.broken();
      if (this.#told || report.working || isAsking() || seconds * 1000 < LONG) return;
      this.#told = true;
      step(`No word from the model for ${seconds} s`);
    }, LONG / 5);
    Deno.unrefTimer(Number(this.#timer));
  }

  broken(): void {
    this.#since = performance.now();
    this.#told = false;
  }

  over(): void {
    clearInterval(this.#timer);
  }
}

const LONG = 25_000;
