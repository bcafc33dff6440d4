import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv } from "vite";

// `npm run dev` shows the panel on port 5173 against a service on port 8000.
const fallback = "http://127.0.0.1:8000";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  base: "./",
  build: {
    target: "es2022",
    license: { fileName: "licenses.md" }, // the bundled libraries ask for their notices to travel along
    assetsInlineLimit: 0, // nothing in data: addresses, so that a strict content policy holds
    chunkSizeWarningLimit: 1200, // MapLibre alone; loaded after the page stands
  },
  server: { proxy: { "/api": { target: loadEnv(mode, ".", "CHAOXUN_").CHAOXUN_SERVICE ?? fallback, ws: true } } },
}));
