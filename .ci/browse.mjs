// Opens pages in headless Chromium by its DevTools protocol, and reports what a person would have to look for.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [out, axePath, ...pages] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'ssmscope-browser-'));
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
const chromium = spawn('chromium', args, { stdio: ['ignore', 'ignore', 'pipe'] });
const endpoint = await new Promise((found, failed) => {
  let text = '';
  chromium.stderr.on('data', (data) => {
    text += data;
    const match = text.match(/DevTools listening on (ws:\S+)/);
    if (match) found(match[1]);
  });
  chromium.on('exit', () => failed(new Error(text)));
});
const socket = new WebSocket(endpoint);
await new Promise((open) => socket.addEventListener('open', open));
let last = 0;
const waiting = new Map();
const listeners = [];
socket.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data);
  if (message.id) {
    const { done, failed } = waiting.get(message.id);
    waiting.delete(message.id);
    message.error ? failed(new Error(JSON.stringify(message.error))) : done(message.result);
  } else listeners.forEach((listener) => listener(message));
});
const send = (method, params = {}, sessionId) => new Promise((done, failed) => {
  waiting.set(++last, { done, failed });
  socket.send(JSON.stringify({ id: last, method, params, sessionId }));
});
const faults = [];
const axe = axePath && axePath !== '-' ? readFileSync(axePath, 'utf8') : null;

for (const page of pages) {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const url = pathToFileURL(resolve(page)).href;
  const name = basename(page, '.html');
  listeners.length = 0;
  listeners.push(({ method, params, sessionId: of }) => {
    if (of !== sessionId) return;
    if (method === 'Network.requestWillBeSent' && params.request.url !== url) faults.push(`${name}: request to ${params.request.url}`);
    if (method === 'Runtime.consoleAPICalled') faults.push(`${name}: console ${params.type}`);
    if (method === 'Runtime.exceptionThrown') faults.push(`${name}: ${params.exceptionDetails.text}`);
    if (method === 'Log.entryAdded') faults.push(`${name}: ${params.entry.text}`);
    if (method === 'Page.javascriptDialogOpening') faults.push(`${name}: dialog`);
  });
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await send(`${domain}.enable`, {}, sessionId);
  for (const width of [1280, 390]) for (const scheme of ['light', 'dark']) {
    await send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 }, sessionId);
    await send('Emulation.setEmulatedMedia', { media: 'screen', features: [{ name: 'prefers-color-scheme', value: scheme }] }, sessionId);
    const loaded = new Promise((done) => listeners.push(({ method, sessionId: of }) => of === sessionId && method === 'Page.loadEventFired' && done()));
    await send('Page.navigate', { url }, sessionId);
    await loaded;
    const shot = await send('Page.captureScreenshot', { captureBeyondViewport: true }, sessionId);
    writeFileSync(join(out, `${name}-${width}-${scheme}.png`), Buffer.from(shot.data, 'base64'));
    const evaluate = async (expression) => (await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId)).result.value;
    const wide = await evaluate('document.documentElement.scrollWidth - innerWidth');
    if (wide > 0) faults.push(`${name}: ${wide} pixels wider than ${width}`);
    if (axe) {
      // The page's policy forbids scripts, and an isolated world has none.
      const { frameTree } = await send('Page.getFrameTree', {}, sessionId);
      const { executionContextId } = await send('Page.createIsolatedWorld', { frameId: frameTree.frame.id }, sessionId);
      await send('Runtime.evaluate', { expression: axe, contextId: executionContextId }, sessionId);
      const run = await send('Runtime.evaluate', { expression: "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.help, v.nodes.length, v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary])))", contextId: executionContextId, awaitPromise: true, returnByValue: true }, sessionId);
      for (const [id, help, count, html, why] of JSON.parse(run.result.value ?? '[]')) faults.push(`${name} ${width} ${scheme}: axe ${id} x${count}: ${help}: ${html} ${why}`);
      if (!run.result.value) faults.push(`${name}: axe did not run: ${JSON.stringify(run)}`);
    }
  }
  await send('Emulation.setEmulatedMedia', { media: '', features: [] }, sessionId);
  const { data } = await send('Page.printToPDF', { preferCSSPageSize: true, printBackground: true }, sessionId);
  writeFileSync(join(out, `${name}.pdf`), Buffer.from(data, 'base64'));
  await send('Target.closeTarget', { targetId });
}
socket.close();
chromium.kill();
await new Promise((done) => chromium.on('exit', done));
rmSync(profile, { recursive: true, force: true });
faults.forEach((fault) => console.log(fault));
console.log(`${pages.length} pages, ${faults.length} faults, axe-core ${axe ? 'ran' : 'did not run'}`);
process.exit(faults.length > 0 ? 1 : 0);
