import type { FoundModel } from "./detect.ts";
import type { OfferedModel } from "./hub.ts";
import type { Model } from "./presets.ts";

/** The models that this device offers: a broken one is withdrawn and looked for again later. */
export class Offer {
  readonly #detect: () => Promise<FoundModel[]>;
  #models: FoundModel[];
  #told = false;
  #lookAgainAt = Infinity;

  constructor(models: FoundModel[], detect: () => Promise<FoundModel[]>) {
    this.#models = models;
    this.#detect = detect;
  }

  find(model: Model): FoundModel | undefined {
    return this.#models.find((found) => found.model === model);
  }

  withdraw(model: Model): void {
    this.#models = this.#models.filter((found) => found.model !== model);
    this.#told = false;
    this.#lookAgainAt = performance.now() + BETWEEN_LOOKS;
  }

  /** What to tell the hub; undefined when it knows already. */
  async news(): Promise<OfferedModel[] | undefined> {
    if (performance.now() >= this.#lookAgainAt) {
      this.#lookAgainAt = Infinity;
      const before = this.#models.length;
      this.#models = await this.#detect();
      if (this.#models.length !== before) this.#told = false;
    }
    return this.#told ? undefined : this.#models.map(({ model, version }) => ({ model, version }));
  }

  told(): void {
    this.#told = true;
  }
}

const BETWEEN_LOOKS = 10 * 60_000;
