import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [svelte()],
  build: { outDir: 'dist', modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 1 << 20 },
})
