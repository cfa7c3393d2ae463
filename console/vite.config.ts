import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

// Relative addresses, so that the built folder works at any path of any static host. The modern
// target keeps light-dark() in the style sheets, which the themes are made of.
export default defineConfig({
  base: "./",
  plugins: [react()],
  resolve: { conditions: ["aura-source", ...defaultClientConditions] },
  build: { target: "es2023", cssTarget: ["chrome123", "firefox120", "safari17.5"] },
});
