import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The user interface: one page that Electron's main process and the web shell both serve, from out/renderer.
export default defineConfig({
  root: "renderer",
  base: "./",
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: "../out/renderer",
    emptyOutDir: true,
    target: "chrome120",
    assetsInlineLimit: 0, // the content security policy allows no data: but for images
    modulePreload: { polyfill: false }, // it would be an inline script
  },
});
