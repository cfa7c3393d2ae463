import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

// Relative addresses, so that the built folder works at any path of any static host. The modern
// target keeps light-dark() in the style sheets, which the themes are made of.
export default defineConfig({
  base: "./",
  plugins: [react()],
  resolve: { conditions: ["aura-source", ...defaultClientConditions] },
  // The development server stands before a local stack.
  server: {
    proxy: {
      "^/(console.json|auth/v1|rest/v1|realtime/v1)": {
        target: `http://127.0.0.1:${process.env.AURA_API_PORT ?? 54321}`,
        ws: true,
      },
    },
  },
  build: { target: "es2023", cssTarget: ["chrome123", "firefox120", "safari17.5"] },
});
