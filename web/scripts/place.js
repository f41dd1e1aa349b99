// Puts the built script and style into one HTML file and places it in the Python package.
// The content security policy names them by digest: nothing else on the page may run.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'

const assets = readdirSync('dist/assets')
const read = (ending) =>
  assets
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(`dist/assets/${name}`, 'utf8'))
    .join('\n')
const script = read('.js').replaceAll('</script', '<\\/script').trim()
const style = read('.css').replaceAll('</style', '<\\/style').trim()
const digest = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const policy = `default-src 'none'; script-src ${digest(script)}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`
const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Ringfence: what reaches the models</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This report draws itself with a script that is part of this file.</noscript>
<script type="application/json" id="data">null</script>
<script type="module">${script}</script>
</body>
</html>
`
const target = '../src/ringfence/app/report/assets'
mkdirSync(target, { recursive: true })
writeFileSync(`${target}/report.html`, html)
console.log(`${target}/report.html: ${html.length} characters`)
