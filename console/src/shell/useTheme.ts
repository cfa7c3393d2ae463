import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "aura.theme";

/** Light, dark, or whatever the system is; remembered by the browser. */
export function useTheme() {
  const [theme, setTheme] = useState<Theme>(() => {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  });
  useEffect(() => {
    localStorage.setItem(KEY, theme);
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return { theme, setTheme };
}
