// Opens pages in headless Chromium by its DevTools protocol, and reports what a person would have to look for.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [out, axePath, ...pages] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'ssmscope-browser-'));
// A fresh profile would look for updates.
const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', ...quiet, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
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
/** Height of the tallest screenshot, in pixels. */
const TALLEST = 12000;
/** How long to wait for a page to load, in milliseconds. */
const PATIENCE = 60000;
/** Presses of Tab after which all marks and rows of these pages have had the focus. */
const MOST_KEYS = 400;
/** What is wrong with the element that has the focus: no outline, or a row that does not show its packets. */
const FOCUSED = `(() => {
  const it = document.activeElement;
  if (!it || it === document.body || !window.focusable.delete(it)) return '';
  if (getComputedStyle(it).outlineStyle === 'none') return 'no outline on ' + it.outerHTML.slice(0, 80);
  const raw = it.querySelector('.raw');
  return it.matches('.row') && (!raw || getComputedStyle(raw).display === 'none' || !raw.textContent) ? 'no packets at ' + it.textContent.slice(0, 80) : '';
})()`;
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
    if (method === 'Page.javascriptDialogOpening') {
      faults.push(`${name}: dialog`);
      // The page waits for it.
      send('Page.handleJavaScriptDialog', { accept: true }, sessionId).catch(() => {});
    }
  });
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await send(`${domain}.enable`, {}, sessionId);
  for (const width of [1280, 390]) for (const scheme of ['light', 'dark']) {
    await send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 }, sessionId);
    await send('Emulation.setEmulatedMedia', { media: 'screen', features: [{ name: 'prefers-color-scheme', value: scheme }] }, sessionId);
    const loaded = new Promise((done) => listeners.push(({ method, sessionId: of }) => of === sessionId && method === 'Page.loadEventFired' && done(false)));
    await send('Page.navigate', { url }, sessionId);
    const isLate = new Promise((done) => setTimeout(done, PATIENCE, true).unref());
    if (await Promise.race([loaded, isLate]) === true) {
      faults.push(`${name}: not loaded after ${PATIENCE / 1000} s`);
      continue;
    }
    const evaluate = async (expression) => (await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId)).result.value;
    // What is outside the window is not laid out until it is reached.
    const height = async () => Math.min(Math.ceil((await send('Page.getLayoutMetrics', {}, sessionId)).cssContentSize.height), TALLEST);
    for (let before = 0, now = await height(); now > before && now < TALLEST; [before, now] = [now, await height()]) {
      await send('Emulation.setDeviceMetricsOverride', { width, height: now, deviceScaleFactor: 1, mobile: width < 500 }, sessionId);
      await evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    }
    const shot = await send('Page.captureScreenshot', { captureBeyondViewport: true, clip: { x: 0, y: 0, width, height: await height(), scale: 1 } }, sessionId);
    writeFileSync(join(out, `${name}-${width}-${scheme}.png`), Buffer.from(shot.data, 'base64'));
    if (width === 1280 && scheme === 'light') {
      const unreached = await evaluate("window.focusable = new Set(document.querySelectorAll('.marks a, .row[tabindex]')); window.focusable.size");
      for (let pressed = 0; pressed < MOST_KEYS && (await evaluate('window.focusable.size')) > 0; pressed++) {
        for (const type of ['rawKeyDown', 'keyUp']) await send('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 }, sessionId);
        const fault = await evaluate(FOCUSED);
        if (fault) faults.push(`${name}: ${fault}`);
      }
      const left = await evaluate('window.focusable.size');
      if (left > 0) faults.push(`${name}: Tab does not reach ${left} of ${unreached} marks and rows`);
      await evaluate('document.activeElement.blur()');
    }
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
// Chromium's helpers write for a moment after it has ended.
rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
faults.forEach((fault) => console.log(fault));
console.log(`${pages.length} pages, ${faults.length} faults, axe-core ${axe ? 'ran' : 'did not run'}`);
process.exit(faults.length > 0 ? 1 : 0);
