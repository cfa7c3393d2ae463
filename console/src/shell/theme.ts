export type Theme = "system" | "light" | "dark";

const KEY = "aura.theme";

/** Light, dark, or whatever the system is; remembered by the browser. */
export const theme = {
  get kept(): Theme {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  },
  keep(value: Theme) {
    localStorage.setItem(KEY, value);
    this.show();
  },
  /** Makes the page look like it. */
  show() {
    const { kept } = this;
    if (kept === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = kept;
  },
};
